package otlp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestFlops checks that spans say what was done below them, also below what is not sent.
func TestFlops(t *testing.T) {
	for name, c := range map[string]struct {
		detail string
		short  time.Duration // spans that took less were left out of the recording
		want   map[string]any
	}{
		"operators are sent":      {"operator", 0, map[string]any{"pipeline_forward": int64(7), "denoise_step": int64(7), "outer": int64(7), "inner": int64(4), "idle": nil, "float": 2.5}},
		"operators are left out":  {"step", 0, map[string]any{"pipeline_forward": int64(7), "denoise_step": int64(7), "idle": nil, "float": 2.5}},
		"sums would be too small": {"operator", time.Nanosecond, map[string]any{"pipeline_forward": nil, "denoise_step": nil, "outer": int64(3), "inner": int64(4), "idle": nil, "float": 2.5}},
	} {
		t.Run(name, func(t *testing.T) {
			f := record(t)
			stage := f.worker.Begin(nStage)
			step := f.worker.Begin(nStep)
			outer := f.worker.BeginArgs(trace.NameIn(trace.CategoryOperator, "outer"), trace.Int(kFlops, 3))
			f.worker.BeginArgs(trace.NameIn(trace.CategoryOperator, "inner"), trace.Int(kFlops, 4)).End()
			outer.End()
			step.End()
			f.worker.Begin(trace.NameIn(trace.CategoryStep, "idle")).End()
			f.worker.BeginArgs(trace.NameIn(trace.CategoryStep, "float"), trace.Float(kFlops, 2.5)).End()
			stage.End()
			f.stop(t)
			r := newReceiver(t)
			config, p := to(r.address), f.profile(t, "p")
			config.Detail, p.Filter.MinDuration = c.detail, c.short
			if o := f.export(t, config, p); o.err != nil {
				t.Fatal(o.err)
			}
			got := map[string]any{}
			for _, s := range r.all() {
				got[s.Name] = value(s.Attributes, "strobe.flops")
				n := 0
				for _, a := range s.Attributes {
					if a.Key == "strobe.flops" {
						n++
					}
				}
				if n > 1 {
					t.Errorf("%s says it %d times", s.Name, n)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
