package engine_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/sdk/model"
)

// TestStepSeconds: what a rank reports becomes times of steps, whatever it reports.
func TestStepSeconds(t *testing.T) {
	type report struct {
		after time.Duration
		step  int
	}
	for _, c := range []struct {
		name string
		in   []report
		want []float64
	}{
		{"none", nil, nil},
		{"one step, whose begin nobody knows", []report{{time.Second, 1}}, nil},
		{"three", []report{{9 * time.Second, 1}, {time.Second, 2}, {2 * time.Second, 3}}, []float64{1, 2}},
		{"two in one report", []report{{time.Second, 1}, {3 * time.Second, 3}}, []float64{1.5}},
		{"one again, and back", []report{{time.Second, 1}, {time.Second, 1}, {time.Second, math.MinInt32}, {time.Second, 1}}, []float64{1 / (1 - float64(math.MinInt32))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := coretest.NewRank(0, "diffusion", 0)
				r.OnGenerate = func(_ context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error) {
					for _, in := range c.in {
						time.Sleep(in.after)
						progress(model.Progress{Step: in.step})
					}
					return &model.Result{Images: []model.Image{coretest.Image(32, 32)}}, nil
				}
				o := &collector{}
				e := engine.New("m", []engine.Stage{coretest.Diffusion(r)}, engine.Options{Observer: o})
				if _, err := e.Generate(t.Context(), nil, &model.Request{Count: 1}, nil); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, o.reports[0].StepSeconds["diffusion"], cmpopts.EquateApprox(1e-9, 0)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestStepSecondsBounded: a plugin that reports without end fills no memory.
func TestStepSecondsBounded(t *testing.T) {
	r := coretest.NewRank(0, "diffusion", 0)
	r.OnGenerate = func(_ context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error) {
		for i := range 5000 {
			progress(model.Progress{Step: i})
		}
		return &model.Result{Images: []model.Image{coretest.Image(32, 32)}}, nil
	}
	o := &collector{}
	e := engine.New("m", []engine.Stage{coretest.Diffusion(r)}, engine.Options{Observer: o})
	if _, err := e.Generate(t.Context(), nil, &model.Request{Count: 1}, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(o.reports[0].StepSeconds["diffusion"]); n != 1000 {
		t.Errorf("%d times were kept", n)
	}
}
