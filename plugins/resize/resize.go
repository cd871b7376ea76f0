// Package resize is a model plugin: the stage that scales images to the size that was asked for. It makes none itself,
// so it is never a model's first stage.
package resize

import (
	"context"
	"fmt"
	"image"
	"time"

	"golang.org/x/image/draw"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// MaxSide is the longest side that the stage makes, in pixels.
const MaxSide = 1024

var (
	spanPipeline = trace.NameIn(trace.CategoryStage, "pipeline_forward")
	spanScale    = trace.NameIn(trace.CategoryOperator, "resize::scale")
	argFilter    = trace.Name("filter")
	argFrom      = trace.Name("from_pixels")
	argTo        = trace.Name("to_pixels")
)

// Config is the plugin's configuration.
type Config struct {
	Filter string `strobe:"filter" doc:"how pixels are made from their neighbours: nearest keeps them square, catmull_rom is the smoothest" default:"catmull_rom" enum:"nearest,bilinear,catmull_rom"`
}

type plugin struct{ config Config }

// New makes the plugin.
func New() model.Model { return &plugin{Config{Filter: "catmull_rom"}} }

// Describe implements [model.Model].
func (p *plugin) Describe() model.Description {
	return model.Description{
		Name: "resize", Version: "0.1.0", Summary: "scales images to the size that was asked for", Config: &p.config,
	}
}

// Load implements [model.Model].
func (p *plugin) Load(_ context.Context, _ model.Rank, rec *trace.Recorder) (model.Session, error) {
	scaler, ok := map[string]draw.Scaler{"nearest": draw.NearestNeighbor, "bilinear": draw.BiLinear, "catmull_rom": draw.CatmullRom}[p.config.Filter]
	if !ok {
		return nil, fmt.Errorf("there is no filter %q", p.config.Filter)
	}
	return &session{track: rec.Track("worker"), scaler: scaler, filter: trace.Name(p.config.Filter)}, nil
}

// session is a loaded plugin. Generate is called by one goroutine at a time.
type session struct {
	track  *trace.Track
	scaler draw.Scaler
	filter trace.NameID
}

// Info implements [model.Informer].
func (s *session) Info() model.Info {
	return model.Info{Resizes: true, Max: model.Size{Width: MaxSide, Height: MaxSide}}
}

// Close implements [model.Session].
func (s *session) Close() error { return nil }

// Generate implements [model.Session]: each image in the requested size, or as it is when none was requested.
func (s *session) Generate(ctx context.Context, req *model.Request, _ func(model.Progress)) (*model.Result, error) {
	if err := check(req); err != nil {
		return nil, err
	}
	s.track.SetRequest(req.ID)
	defer s.track.SetRequest("")
	span := s.track.Begin(spanPipeline)
	defer span.End() // also after a panic, which the host survives
	s.track.FlowIn(req.Flow)
	began := time.Now()
	res := &model.Result{}
	for _, img := range req.Images {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		res.Images = append(res.Images, s.scale(img, req.Size))
	}
	res.Durations = map[string]float64{"resize": time.Since(began).Seconds()}
	return res, nil
}

func check(req *model.Request) error {
	if len(req.Images) == 0 {
		return model.BadRequest("image", "there is no image to resize")
	}
	if req.Size == (model.Size{}) {
		return nil
	}
	if w, h := req.Size.Width, req.Size.Height; w < 1 || h < 1 || w > MaxSide || h > MaxSide {
		return model.BadRequest("size", "%dx%d cannot be made: each side is 1 to %d pixels", w, h, MaxSide)
	}
	for i, img := range req.Images {
		if img.Width < 1 || img.Height < 1 || len(img.Pixels) != 3*img.Width*img.Height {
			return model.BadRequest("image", "image %d is %dx%d with %d bytes, not 3 a pixel", i, img.Width, img.Height, len(img.Pixels))
		}
	}
	return nil
}

// scale returns img in the given size, img itself when it has it already.
func (s *session) scale(img model.Image, to model.Size) model.Image {
	if to == (model.Size{}) || to == (model.Size{Width: img.Width, Height: img.Height}) {
		return img
	}
	span := s.track.BeginArgs(spanScale, trace.Text(argFilter, s.filter),
		trace.Int(argFrom, int64(img.Width)*int64(img.Height)), trace.Int(argTo, int64(to.Width)*int64(to.Height)))
	defer span.End()
	out := image.NewRGBA(image.Rect(0, 0, to.Width, to.Height))
	in := toRGBA(img)
	s.scaler.Scale(out, out.Bounds(), in, in.Bounds(), draw.Src, nil)
	return fromRGBA(out)
}

// toRGBA adds the opaque fourth byte that the image library works with.
func toRGBA(img model.Image) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, img.Width, img.Height))
	for i, j := 0, 0; i < len(img.Pixels); i, j = i+3, j+4 {
		copy(out.Pix[j:j+3], img.Pixels[i:i+3])
		out.Pix[j+3] = 0xff
	}
	return out
}

func fromRGBA(img *image.RGBA) model.Image {
	size := img.Bounds().Size()
	out := model.Image{Width: size.X, Height: size.Y, Pixels: make([]byte, 3*size.X*size.Y)}
	for i, j := 0, 0; i < len(out.Pixels); i, j = i+3, j+4 {
		copy(out.Pixels[i:i+3], img.Pix[j:j+3])
	}
	return out
}
