package engine_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/sdk/model"
)

func px(w, h int) model.Size { return model.Size{Width: w, Height: h} }

func TestSizes(t *testing.T) {
	makes := func(max model.Size, sizes ...model.Size) model.Info {
		return model.Info{Makes: true, Sizes: sizes, Max: max}
	}
	resizes := func(max model.Size) model.Info { return model.Info{Resizes: true, Max: max} }
	tests := []struct {
		name   string
		stages []model.Info
		want   model.Size
		asked  []model.Size // nil: refused
		says   string       // part of the refusal
	}{
		{"native by default", []model.Info{makes(px(0, 0), px(32, 32)), resizes(px(1024, 1024))}, px(0, 0), []model.Size{{}, {}}, ""},
		{"native by name", []model.Info{makes(px(0, 0), px(32, 32)), resizes(px(1024, 1024))}, px(32, 32), []model.Size{px(32, 32), px(32, 32)}, ""},
		{"resized", []model.Info{makes(px(0, 0), px(32, 32)), resizes(px(1024, 1024))}, px(512, 256), []model.Size{px(32, 32), px(512, 256)}, ""},
		{"closest in shape", []model.Info{makes(px(0, 0), px(32, 32), px(64, 32), px(32, 64)), resizes(px(0, 0))}, px(400, 200), []model.Size{px(64, 32), px(400, 200)}, ""},
		{"closest in size", []model.Info{makes(px(0, 0), px(32, 32), px(256, 256), px(64, 64)), resizes(px(0, 0))}, px(100, 100), []model.Size{px(64, 64), px(100, 100)}, ""},
		{"the larger of two alike", []model.Info{makes(px(0, 0), px(32, 32), px(128, 128)), resizes(px(0, 0))}, px(64, 64), []model.Size{px(128, 128), px(64, 64)}, ""},
		{"any size", []model.Info{makes(px(256, 256))}, px(100, 256), []model.Size{px(100, 256)}, ""},
		{"shrunk into the bound", []model.Info{makes(px(256, 128)), resizes(px(0, 0))}, px(1024, 1024), []model.Size{px(128, 128), px(1024, 1024)}, ""},
		{"a side never vanishes", []model.Info{makes(px(10, 10)), resizes(px(0, 0))}, px(1000, 1), []model.Size{px(10, 1), px(1000, 1)}, ""},
		{"the last stage resizes", []model.Info{makes(px(0, 0), px(32, 32)), {}, resizes(px(0, 0))}, px(64, 64), []model.Size{px(32, 32), {}, px(64, 64)}, ""},
		{"native beyond the resizer", []model.Info{makes(px(0, 0), px(2048, 2048)), resizes(px(1024, 1024))}, px(2048, 2048), []model.Size{px(2048, 2048), {}}, ""},
		{"no resizer", []model.Info{makes(px(0, 0), px(32, 32), px(64, 64))}, px(33, 33), nil, "32x32, 64x64"},
		{"beyond the resizer", []model.Info{makes(px(0, 0), px(32, 32)), resizes(px(1024, 1024))}, px(99999, 1), nil, "32x32, any size up to 1024x1024"},
		{"beyond the maker", []model.Info{makes(px(256, 0))}, px(257, 1), nil, "any size up to a width of 256"},
		{"too high", []model.Info{makes(px(0, 256))}, px(1, 257), nil, "any size up to a height of 256"},
		{"no width", []model.Info{makes(px(0, 0))}, px(0, 10), nil, "at least 1"},
		{"negative", []model.Info{makes(px(0, 0))}, px(10, -1), nil, "at least 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var asked []model.Size
			var stages []engine.Stage
			for i, info := range tt.stages {
				r := coretest.NewRank(i, "s", 0)
				r.OnGenerate = func(_ context.Context, req *model.Request, _ func(model.Progress)) (*model.Result, error) {
					asked = append(asked, req.Size)
					return &model.Result{Images: []model.Image{coretest.Image(1, 1)}}, nil
				}
				stages = append(stages, engine.Stage{Index: i, Name: "s", Info: info, Ranks: []engine.Rank{r}})
			}
			_, err := engine.New("m", stages, engine.Options{}).Generate(t.Context(), nil, &model.Request{Size: tt.want}, nil)
			if diff := cmp.Diff(tt.asked, asked); diff != "" {
				t.Errorf("asked: %s (error %v)", diff, err)
			}
			bad, ok := model.AsRequestError(err)
			if ok != (tt.says != "") || ok && (bad.Field != "size" || !strings.Contains(bad.Message, tt.says)) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestModel(t *testing.T) {
	dit := model.Info{Makes: true, Sizes: []model.Size{px(32, 32)}, DefaultSteps: 20, DefaultGuidance: 4, MaxSteps: 200, Synthetic: true,
		Parameters: 10, Details: map[string]string{"preset": "xl"}}
	stages := []engine.Stage{
		{Index: 0, Name: "diffusion", Plugin: "dit", Info: dit, Ranks: []engine.Rank{coretest.NewRank(0, "diffusion", 0), coretest.NewRank(0, "diffusion", 1)}},
		{Index: 1, Name: "resize", Plugin: "resize", Info: model.Info{Resizes: true, Max: px(1024, 512), Parameters: 1}},
	}
	got := engine.New("emoji", stages, engine.Options{}).Model()
	want := engine.ModelInfo{Name: "emoji", Sizes: []model.Size{px(32, 32)}, AnySize: true, Max: px(1024, 512), DefaultSteps: 20,
		DefaultGuidance: 4, MaxSteps: 200, Synthetic: true, Parameters: 11, Stages: []engine.StageInfo{
			{Index: 0, Name: "diffusion", Plugin: "dit", Replicas: 2, Synthetic: true, Details: map[string]string{"preset": "xl"}},
			{Index: 1, Name: "resize", Plugin: "resize"},
		}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	stages[0].Info = model.Info{Makes: true, Max: px(256, 0)}
	if m := engine.New("emoji", stages, engine.Options{}).Model(); !m.AnySize || m.Max != px(1024, 0) {
		t.Errorf("model %+v", m)
	}
}
