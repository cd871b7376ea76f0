// Package resize is a model plugin: a stage that scales the images of the stage before it to the size that was asked for.
package resize

import (
	"context"
	"fmt"
	"image"
	"slices"
	"time"

	"golang.org/x/image/draw"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

const (
	// maxSide is the largest width and height that the stage makes, in pixels.
	maxSide = 1024
	// maxInputPixels bounds the images that it takes.
	maxInputPixels = 1 << 26
	// maxShapes bounds the pairs of sizes whose shapes are recorded: names live as long as the process, and callers choose sizes.
	maxShapes = 4096
)

// Names that are recorded.
var (
	namePipeline = trace.NameIn(trace.CategoryStage, "pipeline_forward")
	nameScale    = trace.NameIn(trace.CategoryOperator, "resize::scale")
	keyModule    = trace.Name("module")
	keyDims      = trace.Name("Input Dims")
	keyDType     = trace.Name("dtype")
	keyBytes     = trace.Name("bytes")
	dtypeUint8   = trace.Name("uint8")
)

// filters are the ways to scale, by their configured names.
var filters = map[string]draw.Interpolator{
	"nearest": draw.NearestNeighbor, "bilinear": draw.BiLinear, "catmull_rom": draw.CatmullRom,
}

// Config is the plugin's configuration.
type Config struct {
	Filter string `strobe:"filter" doc:"how to scale: nearest keeps pixels as squares, bilinear is soft, catmull_rom is sharp" default:"catmull_rom" enum:"nearest,bilinear,catmull_rom"`
}

type plugin struct{ config Config }

// New makes the plugin.
func New() model.Model { return &plugin{} }

// Describe implements [model.Model].
func (p *plugin) Describe() model.Description {
	return model.Description{
		Name: "resize", Version: "0.1.0", Summary: "scales images to the requested size", Config: &p.config,
	}
}

// Load implements [model.Model].
func (p *plugin) Load(_ context.Context, _ model.Rank, rec *trace.Recorder) (model.Session, error) {
	name := p.config.Filter
	if name == "" { // the host decoded no configuration
		name = "catmull_rom"
	}
	filter, ok := filters[name]
	if !ok {
		return nil, fmt.Errorf("filter %q is not one of nearest, bilinear, catmull_rom", name)
	}
	return &session{name: name, filter: filter, module: trace.Name("resize." + name), track: rec.Track("worker"),
		shapes: map[[2]model.Size]trace.NameID{}}, nil
}

type session struct {
	name   string
	filter draw.Interpolator
	module trace.NameID
	track  *trace.Track
	shapes map[[2]model.Size]trace.NameID
}

// Info implements [model.Informer].
func (s *session) Info() model.Info {
	return model.Info{Resizes: true, Max: model.Size{Width: maxSide, Height: maxSide}, Details: map[string]string{"filter": s.name}}
}

// Close implements [model.Session]; there is nothing to free.
func (s *session) Close() error { return nil }

// Generate implements [model.Session]: the request's images at the request's size, or unchanged when it names none.
func (s *session) Generate(ctx context.Context, req *model.Request, _ func(model.Progress)) (*model.Result, error) {
	if err := check(req); err != nil {
		return nil, err
	}
	s.track.SetRequest(req.ID)
	defer s.track.SetRequest("")
	span := s.track.Begin(namePipeline)
	defer span.End()
	s.track.FlowIn(req.Flow)
	begin := time.Now()
	r := &model.Result{}
	for _, m := range req.Images {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.Images = append(r.Images, s.resize(m, req.Size))
	}
	r.Durations = map[string]float64{"scale": time.Since(begin).Seconds()}
	return r, nil
}

// check refuses what the stage cannot do.
func check(req *model.Request) error {
	if z := req.Size; z != (model.Size{}) && (z.Width < 1 || z.Height < 1 || z.Width > maxSide || z.Height > maxSide) {
		return model.BadRequest("size", "%dx%d is not between 1x1 and %dx%d", z.Width, z.Height, maxSide, maxSide)
	}
	if len(req.Images) == 0 {
		return model.BadRequest("image", "there is none; resize changes images and makes none, so it cannot be a model's first stage")
	}
	for _, m := range req.Images {
		if m.Width < 1 || m.Height < 1 || m.Width > maxInputPixels/m.Height || len(m.Pixels) != 3*m.Width*m.Height {
			return model.BadRequest("image", "%dx%d pixels in %d bytes is no RGB image", m.Width, m.Height, len(m.Pixels))
		}
	}
	return nil
}

// resize returns m at a size. The result shares nothing with m.
func (s *session) resize(m model.Image, to model.Size) model.Image {
	from := model.Size{Width: m.Width, Height: m.Height}
	if to == (model.Size{}) || to == from {
		return model.Image{Width: m.Width, Height: m.Height, Pixels: slices.Clone(m.Pixels)}
	}
	span := s.begin(from, to)
	defer span.End()
	src := image.NewRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i := range m.Width * m.Height {
		copy(src.Pix[4*i:4*i+3], m.Pixels[3*i:])
		src.Pix[4*i+3] = 255
	}
	dst := image.NewRGBA(image.Rect(0, 0, to.Width, to.Height))
	s.filter.Scale(dst, dst.Bounds(), src, src.Bounds(), draw.Src, nil)
	out := model.Image{Width: to.Width, Height: to.Height, Pixels: make([]byte, 3*to.Width*to.Height)}
	for i := range to.Width * to.Height {
		copy(out.Pixels[3*i:3*i+3], dst.Pix[4*i:])
	}
	return out
}

// begin begins a scale's span. Shapes beyond maxShapes are left out rather than recorded wrong.
func (s *session) begin(from, to model.Size) trace.Span {
	bytes := 3 * (int64(from.Width)*int64(from.Height) + int64(to.Width)*int64(to.Height))
	id, ok := s.shapes[[2]model.Size{from, to}]
	if !ok {
		if len(s.shapes) >= maxShapes {
			return s.track.BeginArgs(nameScale, trace.Text(keyModule, s.module), trace.Text(keyDType, dtypeUint8), trace.Int(keyBytes, bytes))
		}
		id = trace.Name(fmt.Sprintf("[[%d,%d,3],[%d,%d,3]]", from.Height, from.Width, to.Height, to.Width))
		s.shapes[[2]model.Size{from, to}] = id
	}
	return s.track.BeginArgs(nameScale, trace.Text(keyModule, s.module), trace.Shapes(keyDims, id),
		trace.Text(keyDType, dtypeUint8), trace.Int(keyBytes, bytes))
}
