package wire

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/schema"
)

func ptr[T any](v T) *T { return &v }

func TestModelProcess(t *testing.T) {
	p := launch(t, testHost(t), testSpec("model", nil))
	ctx := t.Context()
	d, err := p.Describe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := Description{Kind: KindModel, Name: "tint", Version: "1.2.3", Summary: "one colour", APIVersions: []int{1}, Capabilities: []string{CapabilityRecording, CapabilityCPUProfile},
		Config: []schema.Attribute{
			{Name: "delay", Type: schema.Duration, Default: "0s", HasDefault: true},
			{Name: "tint", Type: schema.Int, Default: "7", HasDefault: true, Min: ptr(0.0), Max: ptr(255.0)},
			{Name: "mode", Type: schema.String, Default: "ok", HasDefault: true, Enum: []string{"ok", "panic", "exit", "fail", "refuse", "hang", "load", "bad-image", "nothing"}},
		}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
	if _, err := p.Load(ctx, model.Rank{}); err == nil {
		t.Error("loaded before it was configured")
	}
	found, err := p.Configure(ctx, map[string]any{"tnt": int64(1), "mode": "okay", "delay": nil})
	if err != nil || len(found) != 2 {
		t.Errorf("findings = %v, %v", found, err)
	}
	if found, err = p.Configure(ctx, map[string]any{"tint": int64(3)}); err != nil || found.HasErrors() {
		t.Fatal(found, err)
	}
	info, err := p.Load(ctx, model.Rank{Model: "m", StageName: "diffusion", Replicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(model.Info{Makes: true, DefaultSteps: 4, MaxSteps: 200, Sizes: []model.Size{{Width: 2, Height: 2}}, Details: map[string]string{"stage": "diffusion"}}, info); d != "" {
		t.Error(d)
	}
	var steps []model.Progress
	got, err := p.Generate(ctx, &model.Request{ID: "r", Prompt: "bad \xff", Steps: 3, Seed: 4, Count: 2}, func(p model.Progress) { steps = append(steps, p) })
	if err != nil {
		t.Fatal(err)
	}
	image := model.Image{Width: 2, Height: 2, Pixels: []byte{7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7}}
	if d := cmp.Diff(&model.Result{Images: []model.Image{image, image}, Warnings: []string{"bad utf8 \uFFFD"}, Durations: map[string]float64{"diffuse": 0.5},
		PeakMemoryBytes: 10, Steps: 3}, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]model.Progress{{Step: 1, Steps: 3}, {Step: 2, Steps: 3}, {Step: 3, Steps: 3}}, steps); d != "" {
		t.Error(d)
	}
	if p.Err() != nil {
		t.Error("alive, yet:", p.Err())
	}
	start := time.Now()
	if err := p.Close(context.Background()); err != nil {
		t.Error(err)
	}
	t.Log("closed in", time.Since(start))
	if err := p.Err(); !errors.Is(err, ErrClosed) {
		t.Error("closed, yet:", err)
	}
}
