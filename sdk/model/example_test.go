package model_test

import (
	"context"
	"fmt"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/plugintest"
	"github.com/strobe-dev/strobe/sdk/trace"
)

var nameForward = trace.NameIn(trace.CategoryStage, "pipeline_forward")

// negative is a stage that inverts the images of the stage before. Its main is plugin.ServeModel(negative{}).
type negative struct{}

func (negative) Describe() model.Description {
	return model.Description{Name: "negative", Version: "1.0.0", Summary: "inverts images"}
}

func (negative) Load(_ context.Context, _ model.Rank, rec *trace.Recorder) (model.Session, error) {
	return &session{track: rec.Track("worker")}, nil
}

type session struct{ track *trace.Track }

func (s *session) Close() error { return nil }

// Generate leaves req as it is: it makes new images.
func (s *session) Generate(ctx context.Context, req *model.Request, _ func(model.Progress)) (*model.Result, error) {
	s.track.SetRequest(req.ID)
	defer s.track.SetRequest("")
	defer s.track.Begin(nameForward).End()
	s.track.FlowIn(req.Flow)
	var r model.Result
	for _, from := range req.Images {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		to := model.Image{Width: from.Width, Height: from.Height, Pixels: make([]byte, len(from.Pixels))}
		for i, v := range from.Pixels {
			to.Pixels[i] = 255 - v
		}
		r.Images = append(r.Images, to)
	}
	return &r, nil
}

// A stage between images and images, called over gRPC as a host calls it.
func Example() {
	ctx := context.Background()
	p, err := plugintest.StartModel(func() model.Model { return negative{} })(ctx)
	if err != nil {
		panic(err)
	}
	defer p.Close(ctx)
	if _, err := p.Load(ctx); err != nil {
		panic(err)
	}
	white := model.Image{Width: 1, Height: 1, Pixels: []byte{255, 255, 255}}
	r, err := p.Generate(ctx, &model.Request{ID: "req-1", Count: 1, Images: []model.Image{white}}, nil)
	fmt.Println(r.Images, err)
	// Output: [{1 1 [0 0 0]}] <nil>
}

// A value that cannot be served is the caller's fault: 400 and not 500.
func ExampleBadRequest() {
	err := fmt.Errorf("generate: %w", model.BadRequest("size", "%dx%d is not 64x64, the only one", 3, 5))
	if r, ok := model.AsRequestError(err); ok {
		fmt.Println(r.Field, "|", r.Message)
	}
	// Output: size | 3x5 is not 64x64, the only one
}
