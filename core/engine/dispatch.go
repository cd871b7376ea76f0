package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

var (
	spanQueueWait = trace.NameIn(trace.CategoryRequest, "queue_wait")
	spanDispatch  = trace.NameIn(trace.CategoryRequest, "dispatch")
	argStage      = trace.Name("stage")
	argRank       = trace.Name("rank")
)

// dispatch has a rank serve req, inside a span from which an arrow leads to the rank's.
func (e *Engine) dispatch(ctx context.Context, lane *trace.Track, s *stage, sl *slot, req *model.Request, progress func(string, model.Progress)) (*model.Result, time.Duration, error) {
	req.Flow = e.flows.Add(1)
	span := lane.BeginArgs(spanDispatch, trace.Text(argStage, s.label), trace.Int(argRank, int64(sl.rank.Rank())))
	lane.FlowOut(req.Flow)
	began := time.Now()
	var took time.Duration // of a request that succeeded
	defer func() { e.release(s, sl, took) }()
	res, err := e.callRank(ctx, s, sl.rank, req, progress)
	elapsed := time.Since(began)
	span.End()
	if err == nil {
		err = checkImages(req, res, s == e.stages[0])
	}
	if err != nil {
		return nil, elapsed, s.sortError(ctx, sl.rank, err)
	}
	took = max(elapsed, 1)
	return res, elapsed, nil
}

// callRank is Generate with a panic turned into an error.
func (e *Engine) callRank(ctx context.Context, s *stage, r Rank, req *model.Request, progress func(string, model.Progress)) (res *model.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			e.log.Error("panic in a request", "stage", s.Name, "rank", r.Rank(), "request_id", req.ID, "panic", p, "stack", string(debug.Stack()))
			res, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	return r.Generate(ctx, req, func(p model.Progress) {
		if progress != nil {
			progress(s.Name, p)
		}
	})
}

// checkImages refuses a result that the next stage or the encoder would trip over.
func checkImages(req *model.Request, res *model.Result, first bool) error {
	switch {
	case res == nil || len(res.Images) == 0:
		return errors.New("it answered without an image")
	case first && len(res.Images) != req.Count:
		return fmt.Errorf("it answered %d images, %d were asked for", len(res.Images), req.Count)
	}
	for i, img := range res.Images {
		if img.Width <= 0 || img.Height <= 0 || len(img.Pixels) != 3*img.Width*img.Height {
			return fmt.Errorf("image %d of its answer is %dx%d with %d bytes, not 3 a pixel", i, img.Width, img.Height, len(img.Pixels))
		}
	}
	return nil
}

// sortError says whose fault err is: the caller's values, the end of the request's context, or the rank.
func (s *stage) sortError(ctx context.Context, r Rank, err error) error {
	if _, ok := model.AsRequestError(err); ok {
		return err
	}
	if ctx.Err() != nil {
		return stageError(ctx, s)
	}
	return &RankError{Stage: s.Name, Rank: r.Rank(), Plugin: s.Plugin, Err: err}
}

// stageError is why ctx ended, and where the request was.
func stageError(ctx context.Context, s *stage) error {
	return fmt.Errorf("stage %q: %w", s.Name, context.Cause(ctx))
}
