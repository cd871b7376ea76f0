package engine_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/sdk/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// collector keeps the reports that an engine makes.
type collector struct {
	mu      sync.Mutex
	reports []engine.Report
}

func (c *collector) OnRequest(r engine.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reports = append(c.reports, r)
}

// request is a valid request for one image.
func request() *model.Request {
	return &model.Request{ID: "r1", Prompt: "red heart", Size: model.Size{Width: 64, Height: 64}, Seed: 1, Count: 1}
}

func TestGenerateGoesThroughTheStages(t *testing.T) {
	diffusion, resize := coretest.NewRank(0, "diffusion", 0), coretest.NewRank(1, "resize", 0)
	resize.Steps = 0
	var seen []model.Request
	diffusion.OnGenerate = func(ctx context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error) {
		seen = append(seen, *req)
		progress(model.Progress{Step: 1, Steps: 2})
		progress(model.Progress{Step: 2, Steps: 2})
		return &model.Result{Images: []model.Image{coretest.Image(32, 32), coretest.Image(32, 32)}, Steps: 2,
			Warnings: []string{"unknown word"}, Durations: map[string]float64{"diffuse": 0.5}, PeakMemoryBytes: 100}, nil
	}
	resize.OnGenerate = func(_ context.Context, req *model.Request, _ func(model.Progress)) (*model.Result, error) {
		seen = append(seen, *req)
		return &model.Result{Images: []model.Image{coretest.Image(64, 64), coretest.Image(64, 64)},
			Warnings: []string{"enlarged"}, Durations: map[string]float64{"scale": 0.25}, PeakMemoryBytes: 300}, nil
	}
	watch := &collector{}
	e := engine.New("emoji", []engine.Stage{coretest.Diffusion(diffusion), coretest.Resize(resize)}, engine.Options{Observer: watch})
	req := request()
	req.Count = 2
	var steps []string
	res, err := e.Generate(t.Context(), nil, req, func(stage string, p model.Progress) {
		steps = append(steps, stage)
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"diffusion", "diffusion"}, steps); diff != "" {
		t.Errorf("progress: %s", diff)
	}
	if len(seen) != 2 || seen[0].Size != (model.Size{Width: 32, Height: 32}) || seen[1].Size != req.Size {
		t.Errorf("the stages were asked for %+v", seen)
	}
	if seen[0].Count != 2 || len(seen[0].Images) != 0 || len(seen[1].Images) != 2 || seen[1].Images[0].Width != 32 {
		t.Errorf("images did not flow from stage to stage")
	}
	if seen[0].Flow == 0 || seen[0].Flow == seen[1].Flow {
		t.Errorf("flows %d and %d, want two that differ", seen[0].Flow, seen[1].Flow)
	}
	if diff := cmp.Diff([]string{"unknown word", "enlarged"}, res.Warnings); diff != "" {
		t.Errorf("warnings: %s", diff)
	}
	if len(res.Images) != 2 || res.Images[1].Width != 64 || res.Steps != 2 || res.PeakMemoryBytes != 300 {
		t.Errorf("result %+v", res)
	}
	for _, key := range []string{"diffusion", "diffusion.diffuse", "resize", "resize.scale"} {
		if res.StageDurations[key] <= 0 {
			t.Errorf("no duration %q in %v", key, res.StageDurations)
		}
	}
	if len(watch.reports) != 1 || watch.reports[0].Outcome != engine.OutcomeOK || watch.reports[0].Pixels != 2*64*64 || len(watch.reports[0].Stages) != 2 {
		t.Errorf("reports %+v", watch.reports)
	}
	if req.Flow != 0 || req.Images != nil {
		t.Error("the caller's request was changed")
	}
}

func TestGenerateErrors(t *testing.T) {
	boom := errors.New("out of paint")
	answer := func(res *model.Result, err error) func(*coretest.Rank) {
		return func(r *coretest.Rank) {
			r.OnGenerate = func(context.Context, *model.Request, func(model.Progress)) (*model.Result, error) { return res, err }
		}
	}
	one := func(img ...model.Image) *model.Result { return &model.Result{Images: img} }
	tests := []struct {
		name    string
		prepare func(*coretest.Rank)
		want    engine.Outcome
		is      error
		field   string
	}{
		{name: "the plugin's error", prepare: answer(nil, boom), want: engine.OutcomeFailed, is: boom},
		{name: "a deadline of the rank's own", prepare: answer(nil, context.DeadlineExceeded), want: engine.OutcomeFailed},
		{name: "the caller's fault", prepare: answer(nil, model.BadRequest("strength", "2 is more than 1")), want: engine.OutcomeBadRequest, field: "strength"},
		{name: "no result", prepare: answer(nil, nil), want: engine.OutcomeFailed},
		{name: "no image", prepare: answer(one(), nil), want: engine.OutcomeFailed},
		{name: "too many images", prepare: answer(one(coretest.Image(32, 32), coretest.Image(32, 32)), nil), want: engine.OutcomeFailed},
		{name: "missing pixels", prepare: answer(one(model.Image{Width: 32, Height: 32, Pixels: []byte{1}}), nil), want: engine.OutcomeFailed},
		{name: "no width", prepare: answer(one(model.Image{}), nil), want: engine.OutcomeFailed},
		{name: "a rank that is down", prepare: func(r *coretest.Rank) { r.SetDown(coretest.ErrDied) }, want: engine.OutcomeFailed, is: coretest.ErrDied},
		{name: "a panic", prepare: func(r *coretest.Rank) {
			r.OnGenerate = func(context.Context, *model.Request, func(model.Progress)) (*model.Result, error) { panic("ouch") }
		}, want: engine.OutcomeFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rank, watch := coretest.NewRank(0, "diffusion", 0), &collector{}
			tt.prepare(rank)
			e := engine.New("emoji", []engine.Stage{coretest.Diffusion(rank)}, engine.Options{Observer: watch, Log: discard()})
			req := request()
			req.Size = model.Size{}
			_, err := e.Generate(t.Context(), nil, req, nil)
			if err == nil || watch.reports[0].Outcome != tt.want {
				t.Fatalf("error %v, outcome %v; want outcome %v", err, watch.reports[0].Outcome, tt.want)
			}
			var re *engine.RankError
			if errors.As(err, &re) != (tt.want == engine.OutcomeFailed) {
				t.Errorf("error %T (%v)", err, err)
			} else if re != nil && (re.Stage != "diffusion" || re.Rank != 0 || re.Plugin != "dit") {
				t.Errorf("the error does not name the rank: %+v", re)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v does not wrap %v", err, tt.is)
			}
			if bad, ok := model.AsRequestError(err); ok != (tt.field != "") || ok && bad.Field != tt.field {
				t.Errorf("request error %v", bad)
			}
			if s := e.Stats(); s.Admitted != 0 || s.Stages[0].Busy != 0 {
				t.Errorf("something was left behind: %+v", s)
			}
		})
	}
}

func TestNoStages(t *testing.T) {
	_, err := engine.New("empty", nil, engine.Options{}).Generate(t.Context(), nil, request(), nil)
	var re *engine.RankError
	if !errors.As(err, &re) {
		t.Errorf("error %v", err)
	}
	_, err = engine.New("empty", []engine.Stage{coretest.Diffusion()}, engine.Options{}).Generate(t.Context(), nil, &model.Request{}, nil)
	if !errors.As(err, &re) || re.Rank != -1 {
		t.Errorf("error of a stage without ranks: %v", err)
	}
}

func TestEndedContextReachesNoRank(t *testing.T) {
	rank := coretest.NewRank(0, "diffusion", 0)
	e := engine.New("emoji", []engine.Stage{coretest.Diffusion(rank)}, engine.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Generate(ctx, nil, &model.Request{}, nil); !errors.Is(err, context.Canceled) || rank.Served() != 0 {
		t.Errorf("error %v, served %d", err, rank.Served())
	}
}

func TestStageTotalIsTheRanksTime(t *testing.T) {
	rank := coretest.NewRank(0, "diffusion", 0)
	rank.Step = 5 * time.Millisecond
	e := engine.New("emoji", []engine.Stage{coretest.Diffusion(rank)}, engine.Options{})
	res, err := e.Generate(t.Context(), nil, &model.Request{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if total, part := res.StageDurations["diffusion"], res.StageDurations["diffusion.diffuse"]; part < 0.02 || total < part {
		t.Errorf("stage %v s, of which %v s", total, part)
	}
}
