// Command model-cuda is a model plugin whose network runs on a GPU: one kernel, launched over and over. It shows how a
// plugin's device events get into profiles, and is what `make gpu-check` measures with.
package main

import (
	"context"
	"fmt"
	"math"

	"github.com/strobe-dev/strobe/sdk/cuda"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/plugin"
	"github.com/strobe-dev/strobe/sdk/trace"
)

var (
	namePipeline = trace.NameIn(trace.CategoryStage, "pipeline_forward")
	nameStep     = trace.NameIn(trace.CategoryStep, "denoise_step")
	nameScale    = trace.NameIn(trace.CategoryOperator, "example::scale")
	nameLaunches = trace.NameIn(trace.CategoryCounter, "launches")
	keyStep      = trace.Name("step")
)

const (
	side     = 32
	defaults = 20 // steps
	factor   = 0.999
)

// Config is the stage's config block in plugins.hcl.
type Config struct {
	CUDA      string `strobe:"cuda" doc:"device events in profiles" default:"auto" enum:"off,auto,required"`
	Library   string `strobe:"cuda_library" doc:"path of libcupti; empty: it is looked for" default:""`
	Operators int    `strobe:"operators" doc:"operators a step" default:"10" min:"1" max:"100000"`
	Kernels   int    `strobe:"kernels" doc:"kernels an operator" default:"4" min:"1" max:"1000"`
}

type scaler struct{ config Config }

func (m *scaler) Describe() model.Description {
	return model.Description{Name: "model-cuda", Version: "0.1.0", Summary: "launches a kernel over and over", Config: &m.config}
}

func (m *scaler) Load(_ context.Context, _ model.Rank, rec *trace.Recorder) (model.Session, error) {
	g, err := openGPU()
	if err != nil {
		return nil, err
	}
	c := m.config
	return &session{gpu: g, config: c, track: rec.Track("worker"),
		cuda: cuda.Attach(rec, cuda.Options{Mode: cuda.Mode(c.CUDA), Library: c.Library})}, nil
}

type session struct {
	gpu      *gpu
	config   Config
	track    *trace.Track
	cuda     *cuda.Collector
	launches int64
}

func (s *session) Info() model.Info {
	only := model.Size{Width: side, Height: side}
	return model.Info{Makes: true, Sizes: []model.Size{only}, Max: only, DefaultSteps: defaults, MaxSteps: 1000, Synthetic: true}
}

func (s *session) Generate(ctx context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error) {
	steps := req.Steps
	if steps == 0 {
		steps = defaults
	}
	if steps < 1 || steps > 1000 {
		return nil, model.BadRequest("num_inference_steps", "%d steps asked for, must be 1 to 1000", req.Steps)
	}
	if size := req.Size; size != (model.Size{}) && size != (model.Size{Width: side, Height: side}) {
		return nil, model.BadRequest("size", "the model makes %dx%d only", side, side)
	}
	s.track.SetRequest(req.ID)
	defer s.track.SetRequest("")
	th := s.cuda.Bind(s.track)
	defer th.Release()
	span := th.Begin(namePipeline)
	defer span.End()
	s.track.FlowIn(req.Flow)
	values := make([]float32, 3*side*side)
	for i := range values {
		values[i] = 255
	}
	if err := s.gpu.begin(values); err != nil {
		return nil, err
	}
	for i := range steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		step := th.BeginArgs(nameStep, trace.Int(keyStep, int64(i)))
		for range s.config.Operators {
			op := th.Begin(nameScale)
			for range s.config.Kernels {
				if err := s.gpu.scale(factor); err != nil {
					return nil, err
				}
				s.launches++
			}
			op.End()
		}
		if err := s.gpu.wait(); err != nil {
			return nil, err
		}
		step.End()
		s.track.Count(nameLaunches, s.launches)
		progress(model.Progress{Step: i + 1, Steps: steps})
	}
	if err := s.gpu.end(values); err != nil {
		return nil, err
	}
	return s.result(values, steps, max(1, req.Count))
}

// result makes the images, after a look at whether the device computed what it was told to.
func (s *session) result(values []float32, steps, count int) (*model.Result, error) {
	want := 255 * math.Pow(factor, float64(steps*s.config.Operators*s.config.Kernels))
	if got := float64(values[len(values)-1]); math.Abs(got-want) > 1+want/100 {
		return nil, fmt.Errorf("the device computed %v, should be near %v", got, want)
	}
	r := &model.Result{Steps: steps}
	for range count {
		pixels := make([]byte, len(values))
		for i, v := range values {
			pixels[i] = byte(v)
		}
		r.Images = append(r.Images, model.Image{Width: side, Height: side, Pixels: pixels})
	}
	return r, nil
}

func (s *session) Close() error { return s.gpu.close() }

func main() { plugin.ServeModel(&scaler{}) }
