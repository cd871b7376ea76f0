package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/sdk/model"
)

// Bounds of a generation, those of the clients that this API serves.
const (
	maxImages   = 10
	maxSteps    = 200
	maxGuidance = 20
	maxSide     = 16384 // a picture that anybody could mean; the model's own limit is lower and checked by the engine
)

// Values of output_format.
const (
	formatPNG  = "png"
	formatJPEG = "jpeg"
)

// generation is a request for images, whatever route it came by.
type generation struct {
	model.Request
	format  string // formatPNG or formatJPEG
	quality int    // of JPEG, 1..100
}

// picture is an image as it goes out.
type picture struct {
	data          []byte
	width, height int
}

// generated is what a generation gave.
type generated struct {
	*engine.Result
	pictures []picture
	took     time.Duration // in the engine
}

// common reads what all image routes share: everything but prompt, size, count and input images.
func (s *Server) common(p *params, g *generation) {
	g.NegativePrompt = s.prompt(p, "negative_prompt")
	g.Steps = p.integer("num_inference_steps", 1, maxSteps, 0)
	g.Strength = p.float("strength", 0, 1)
	for _, name := range []string{"true_cfg_scale", "cfg_scale", "guidance_scale"} { // the last one given wins
		if v := p.float(name, 0, maxGuidance); v != nil {
			g.Guidance = v
		}
	}
	g.Seed = randomSeed()
	if seed := p.seed("seed"); seed != nil {
		g.Seed = *seed
	}
	g.format = p.choice("output_format", formatPNG, formatJPEG)
	g.quality = max(1, p.integer("output_compression", 0, 100, defaultJPEGQuality))
	g.Extra = extra(p, "extra_params", "extra_args")
	for _, name := range []string{"lora", "layers", "mask", "mask_image", "reference_image"} {
		if p.given(name) { // what would change the picture is refused, not passed over
			p.fail(codeUnsupported, name, "model %s does not support %s: leave it out", s.engine.Model().Name, name)
		}
	}
}

// prompt is a text within the limit.
func (s *Server) prompt(p *params, name string) string {
	text := p.str(name)
	s.limitPrompt(p, name, text)
	return text
}

func (s *Server) limitPrompt(p *params, name, text string) {
	if len(text) > s.o.MaxPromptBytes {
		p.fail(codeInvalidValue, name, "%s is %d bytes long: the limit is %d", name, len(text), s.o.MaxPromptBytes)
	}
}

// requirePrompt is prompt, which must not be empty.
func (s *Server) requirePrompt(p *params, name string) string {
	if !p.given(name) {
		p.fail(codeMissing, name, "%s is missing: say what to draw", name)
		return ""
	}
	text := s.prompt(p, name)
	if strings.TrimSpace(text) == "" {
		p.fail(codeInvalidValue, name, "%s is empty: say what to draw", name)
	}
	return text
}

// checkModel refuses another model than the served one. "default" is what vLLM-Omni's benchmark says.
func (s *Server) checkModel(p *params) {
	served := s.engine.Model().Name
	if name := p.str("model"); name != "" && name != served && name != "default" {
		p.fail(codeModelNotFound, "model", "Model mismatch: request specifies '%s' but server is running '%s'. Use that name, or leave model out.", clip(name, 100), served)
	}
}

// noStream refuses stream: true on routes that answer at once.
func noStream(p *params) {
	if p.boolean("stream") {
		p.fail(codeUnsupported, "stream", "stream is not supported here: leave it out and read the whole reply")
	}
}

var sizePattern = regexp.MustCompile(`^([0-9]{1,6})[xX]([0-9]{1,6})$`)

// size reads "WxH"; not given or "auto" is the model's own size.
func size(p *params, name string) model.Size {
	text := p.str(name)
	if text == "" || text == "auto" {
		return model.Size{}
	}
	m := sizePattern.FindStringSubmatch(text)
	if m == nil {
		p.fail(codeInvalidValue, name, "%s must be WIDTHxHEIGHT in pixels, such as \"256x256\", or \"auto\", not %q", name, clip(text, 40))
		return model.Size{}
	}
	w, _ := strconv.Atoi(m[1]) // at most six digits
	h, _ := strconv.Atoi(m[2])
	if w < 1 || h < 1 || w > maxSide || h > maxSide {
		p.fail(codeInvalidValue, name, "%s is %dx%d: each side must be 1 to %d pixels", name, w, h, maxSide)
	}
	return model.Size{Width: w, Height: h}
}

// randomSeed is 32 random bits, as vLLM-Omni draws them.
func randomSeed() uint64 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return uint64(binary.LittleEndian.Uint32(b[:]))
}

// extra gathers the members of the named objects as JSON texts for the model.
func extra(p *params, names ...string) map[string]string {
	var all map[string]string
	for _, name := range names {
		for k, raw := range p.object(name) {
			if all == nil {
				all = make(map[string]string)
			}
			all[k] = string(raw)
		}
	}
	return all
}

// generate runs g and encodes what came out.
func (s *Server) generate(ctx context.Context, t *requestTrace, g *generation) (*generated, error) {
	s.recordPrompts(t, g)
	g.ID = t.st.id
	t.asks(g)
	began := time.Now()
	res, err := s.engine.Generate(ctx, t.lane, &g.Request, nil)
	if err != nil {
		t.fails(ctx, err)
		return nil, err
	}
	out := &generated{Result: res, took: time.Since(began)}
	for _, img := range res.Images {
		span := t.lane.Begin(spanEncode)
		data, err := encodePicture(img, g.format, g.quality)
		span.End()
		if err != nil {
			return nil, &apiError{Code: codeModelFailed, Message: err.Error(), Cause: err}
		}
		out.pictures = append(out.pictures, picture{data: data, width: img.Width, height: img.Height})
	}
	if len(out.pictures) == 0 {
		return nil, failf(codeModelFailed, "", "the model gave no image: try again; the server's log has what it said")
	}
	return out, nil
}

// served tells the profile manager of a request; it is called once a reply is complete but for its last byte.
func (s *Server) served() {
	if s.profiles != nil {
		s.profiles.CountRequest()
	}
}

// peakMemoryMB is the largest arena of a stage in MiB, nil when unknown.
func (g *generated) peakMemoryMB() *float64 {
	if g.PeakMemoryBytes <= 0 {
		return nil
	}
	mb := float64(g.PeakMemoryBytes) / (1 << 20)
	return &mb
}

// warnings is never nil, so that it is [] in JSON.
func (g *generated) warnings() []string {
	if g.Warnings == nil {
		return []string{}
	}
	return g.Warnings
}

// setHeaders says in headers what a reply that is only a picture cannot say, in vLLM-Omni's names where it has one.
func (g *generated) setHeaders(h http.Header, model string, seed uint64) {
	h.Set("X-Model", model)
	h.Set("X-Seed", strconv.FormatUint(seed, 10))
	h.Set("X-Inference-Time-S", strconv.FormatFloat(g.took.Seconds(), 'f', 6, 64))
	if durations, err := json.Marshal(g.StageDurations); err == nil {
		h.Set("X-Stage-Durations", string(durations))
	}
	if mb := g.peakMemoryMB(); mb != nil {
		h.Set("X-Peak-Memory-MB", strconv.FormatFloat(*mb, 'f', -1, 64))
	}
	for _, w := range g.Warnings {
		h.Add("X-Warning", strconv.QuoteToASCII(w))
	}
}

func (p picture) size() string { return fmt.Sprintf("%dx%d", p.width, p.height) }
