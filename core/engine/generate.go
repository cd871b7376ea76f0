package engine

import (
	"context"
	"errors"
	"time"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Result is what a request gave.
type Result struct {
	Images   []model.Image
	Warnings []string // of all stages, for the caller
	// StageDurations in seconds: "<stage>" is the whole of a stage, the time of its dispatch span, and
	// "<stage>.<name>" a part of it, as the rank measured it.
	StageDurations map[string]float64
	// PeakMemoryBytes is the largest of the stages'; 0 when unknown.
	PeakMemoryBytes int64
	Steps           int           // denoise steps done
	QueueWait       time.Duration // time spent waiting for ranks, of all stages

	stepSeconds map[string][]float64 // see Report
}

// Generate takes req through all stages. Its spans, queue_wait and dispatch, go to lane, which may be nil and is
// written on this goroutine only. progress, which may be nil, is called on this goroutine after each step of a rank.
// req is not changed. When ctx ends, the request leaves the queue at once or its rank within one step.
//
// Errors: *[model.RequestError], *[QueueFullError], *[RankError], [ErrTimeout], [ErrDraining], or ctx's own.
func (e *Engine) Generate(ctx context.Context, lane *trace.Track, req *model.Request, progress func(stage string, p model.Progress)) (*Result, error) {
	began := time.Now()
	res := &Result{StageDurations: make(map[string]float64, 2*len(e.stages))}
	err := e.generate(ctx, lane, req, progress, res)
	e.report(res, err, time.Since(began))
	if err != nil {
		return nil, err
	}
	return res, nil
}

func (e *Engine) generate(ctx context.Context, lane *trace.Track, req *model.Request, progress func(string, model.Progress), res *Result) error {
	if len(e.stages) == 0 {
		return &RankError{Rank: -1, Err: errors.New("the model has no stages")}
	}
	sizes, err := e.plan(req.Size)
	if err != nil {
		return err
	}
	ctx, cancel := e.bound(ctx)
	defer cancel()
	images := req.Images
	admitted := false
	for i, s := range e.stages {
		sl, err := e.wait(ctx, lane, s, !admitted, res)
		if err != nil {
			return err
		}
		if !admitted {
			admitted = true
			defer e.leave()
		}
		sub := *req
		sub.Size, sub.Images = sizes[i], images
		sub.Count = max(sub.Count, 1)
		if i > 0 {
			sub.Count = len(images)
		}
		out, took, err := e.dispatch(ctx, lane, s, sl, &sub, e.timeSteps(s, res, progress))
		res.StageDurations[s.Name] += took.Seconds()
		if err != nil {
			return err
		}
		res.add(s.Name, out)
		images = out.Images
	}
	res.Images = images
	return nil
}

// bound limits ctx by the engine's timeout and life.
func (e *Engine) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	done := func() {}
	if e.o.Timeout > 0 {
		ctx, done = context.WithTimeoutCause(ctx, e.o.Timeout, ErrTimeout)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(e.base, func() { cancel(context.Cause(e.base)) })
	return ctx, func() {
		stop()
		cancel(context.Canceled)
		done()
	}
}

// wait acquires a rank inside a queue_wait span.
func (e *Engine) wait(ctx context.Context, lane *trace.Track, s *stage, admit bool, res *Result) (*slot, error) {
	span := lane.BeginArgs(spanQueueWait, trace.Text(argStage, s.label))
	began := time.Now()
	sl, err := e.acquire(ctx, s, admit)
	res.QueueWait += time.Since(began)
	span.End()
	return sl, err
}

// add merges what a stage said.
func (r *Result) add(stage string, out *model.Result) {
	r.Warnings = append(r.Warnings, out.Warnings...)
	for name, seconds := range out.Durations {
		r.StageDurations[stage+"."+name] += seconds
	}
	r.PeakMemoryBytes = max(r.PeakMemoryBytes, out.PeakMemoryBytes)
	r.Steps += out.Steps
}

// report counts a request that ended and tells the observer.
func (e *Engine) report(res *Result, err error, total time.Duration) {
	r := Report{Outcome: outcomeOf(err), Err: err, Steps: res.Steps, QueueWait: res.QueueWait, Total: total, Images: len(res.Images)}
	e.mu.Lock()
	e.totals.add(r.Outcome, r.Images)
	e.mu.Unlock()
	if e.o.Observer == nil {
		return
	}
	for _, img := range res.Images {
		r.Pixels += int64(img.Width) * int64(img.Height)
	}
	r.StepSeconds = res.stepSeconds
	r.Stages = make(map[string]float64, len(e.stages))
	for _, s := range e.stages {
		if seconds, ok := res.StageDurations[s.Name]; ok {
			r.Stages[s.Name] = seconds
		}
	}
	e.o.Observer.OnRequest(r)
}
