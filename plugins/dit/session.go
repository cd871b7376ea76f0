package dit

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/strobe-dev/strobe/sdk/cuda"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// session is a loaded model. Generate is called by one goroutine at a time.
type session struct {
	*checkpoint
	info      model.Info
	pool      *pool
	track     *trace.Track
	cuda      *cuda.Collector
	thread    *cuda.Thread // of the request that is served
	arena     arena
	maxFloats int // of the arena
	plan      *plan
	shapes    shapeNames
	forward   forward
}

func newSession(c *checkpoint, p *pool, track *trace.Track, maxBytes int64) *session {
	return &session{checkpoint: c, pool: p, track: track, arena: arena{track: track}, maxFloats: int(maxBytes / 4),
		shapes: shapeNames{}}
}

// describe fills in what the session says of itself.
func (s *session) describe(cfg *Config) {
	n := s.network
	s.info = model.Info{
		Makes: true, DefaultSteps: defaultSteps, DefaultGuidance: defaultGuidance, MaxSteps: maxSteps,
		Parameters: n.parameters(),
		Details: map[string]string{
			"device": cfg.Device, "weights": cfg.Weights, "threads": strconv.Itoa(s.pool.workers),
			"width": strconv.Itoa(n.width), "layers": strconv.Itoa(n.layers), "heads": strconv.Itoa(n.heads),
		},
	}
	if n.side > 0 {
		s.info.Sizes = []model.Size{{Width: n.side, Height: n.side}}
		s.info.Max = s.info.Sizes[0]
		return
	}
	s.info.Max = model.Size{Width: maxSide, Height: maxSide}
	s.info.Synthetic = true
	s.info.Details["preset"] = cfg.Preset
	s.info.Details["patch"] = strconv.Itoa(n.patch)
}

// Info implements [model.Informer].
func (s *session) Info() model.Info { return s.info }

// Close ends the workers.
func (s *session) Close() error {
	s.pool.close()
	s.arena.slab, s.plan, s.forward = nil, nil, forward{}
	return nil
}

// Generate implements [model.Session]: text to image, or image to image when the request has one.
func (s *session) Generate(ctx context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error) {
	o, err := s.network.newOptions(req)
	if err != nil {
		return nil, err
	}
	r := &run{session: s, options: o, ctx: ctx, progress: progress, result: &model.Result{}}
	if err := r.fit(); err != nil {
		return nil, err
	}
	s.track.SetRequest(req.ID)
	defer s.track.SetRequest("")
	s.thread = s.cuda.Bind(s.track)
	defer s.thread.Release()
	span := s.thread.Begin(namePipeline)
	defer span.End() // also after a panic, which the host survives
	s.track.FlowIn(req.Flow)
	if err := r.generate(req); err != nil {
		return nil, err
	}
	return r.result, nil
}

// run is one request on its way.
type run struct {
	*session
	options
	ctx      context.Context
	progress func(model.Progress)
	result   *model.Result
	batch    int // images drawn together
	done     int // steps
	diffuse  time.Duration
}

// copies of each image in a batch: the guided and the unguided.
func (r *run) copies() int {
	if r.guidance == 1 {
		return 1
	}
	return 2
}

// fit finds how many images fit the arena at once.
func (r *run) fit() error {
	for r.batch = r.count; r.batch > 0; r.batch-- {
		need := r.network.floats(r.shape(r.batch), r.pool.workers)
		if need <= r.maxFloats {
			return nil
		}
		if r.batch == 1 {
			return model.BadRequest("size", "an image of this size needs %d MiB of memory, arena_mib allows %d",
				need>>18+1, r.maxFloats>>18)
		}
	}
	return fmt.Errorf("no image to draw")
}

func (r *run) shape(images int) shape {
	return shape{images: images, copies: r.copies(), rows: r.rows, cols: r.cols}
}

// generate draws all images, batch by batch.
func (r *run) generate(req *model.Request) error {
	text := r.network.text
	prompt, negative := make([]int, text), make([]int, text)
	r.result.Warnings = r.words.tokens(prompt, "prompt", req.Prompt)
	if req.NegativePrompt != "" {
		r.result.Warnings = append(r.result.Warnings, r.words.tokens(negative, "negative prompt", req.NegativePrompt)...)
		if r.copies() == 1 {
			r.result.Warnings = append(r.result.Warnings, "the negative prompt has no effect at guidance 1")
		}
	}
	for first := 0; first < r.count; first += r.batch {
		if err := r.draw(first, min(r.batch, r.count-first), prompt, negative); err != nil {
			return err
		}
	}
	r.result.Durations = map[string]float64{"diffuse": r.diffuse.Seconds()}
	r.result.Steps = r.done
	return nil
}

// draw makes images first..first+n-1.
func (r *run) draw(first, n int, prompt, negative []int) error {
	r.bind(r.shape(n))
	defer r.arena.releaseAll()
	f := &r.forward
	r.prompts(prompt, negative)
	r.start(first)
	span, begin := r.thread.Begin(nameDiffusion), time.Now()
	err := r.denoise()
	r.diffuse += time.Since(begin)
	span.End()
	if err != nil {
		return err
	}
	r.result.PeakMemoryBytes = max(r.result.PeakMemoryBytes, r.arena.peak)
	op := f.begin(&f.pixels)
	size := len(f.x) / n
	for i := range n {
		r.result.Images = append(r.result.Images, toImage(f.x[i*size:(i+1)*size], r.size, f.patch, r.rows, r.cols))
	}
	op.End()
	return nil
}

// bind takes the buffers of a shape and makes its plan, unless the last request had the same.
func (s *session) bind(sh shape) {
	if s.plan == nil || s.plan.shape != sh {
		s.plan = newPlan(s.network, sh, s.shapes)
	}
	s.arena.reserve(s.network.floats(sh, s.pool.workers))
	f := &s.forward
	f.network, f.plan, f.pool, f.thread = s.network, s.plan, s.pool, s.thread
	f.ask()
	for _, p := range f.buffers.parts(s.network, sh, s.pool.workers) {
		*p.dst = nil
		if p.n > 0 {
			*p.dst = s.arena.take(p.n)
		}
	}
	if len(f.scratch) != s.pool.workers {
		f.scratch = make([][]float32, s.pool.workers)
	}
	each := len(f.buffers.scratch) / s.pool.workers
	for w := range f.scratch {
		f.scratch[w] = f.buffers.scratch[w*each : (w+1)*each]
	}
	if s.network.position == nil {
		positions(f.buffers.position, f.text, sh.rows, sh.cols, f.width)
	}
}

// prompts looks the words' vectors up: the prompt's for the first half of the samples, the negative prompt's for the second.
func (s *session) prompts(prompt, negative []int) {
	f := &s.forward
	span := f.begin(&f.words)
	d := f.width
	for sample := range f.samples() {
		tokens := prompt
		if sample >= f.images {
			tokens = negative
		}
		rows, mean := f.prefix[sample*f.text*d:(sample+1)*f.text*d], f.mean[sample*d:(sample+1)*d]
		clear(mean)
		for i, token := range tokens {
			word := f.embedding[token*d : (token+1)*d]
			for k, v := range word {
				mean[k] += v / float32(f.text)
				rows[i*d+k] = v + f.positions()[i*d+k]
			}
		}
	}
	span.End()
}

// start fills x with noise, mixed with the input image if there is one. Image i of a request has the seed of the request plus i.
func (r *run) start(first int) {
	f := &r.forward
	span := f.begin(&f.noise)
	size := len(f.x) / f.images
	for i := range f.images {
		planes := f.pred[:size] // free until the first step
		fillNoise(planes, r.seed+uint64(first+i))
		toPatches(f.x[i*size:(i+1)*size], planes, f.patch, r.rows, r.cols)
	}
	if r.input != nil {
		picture := f.pred[:size]
		fromImage(picture, *r.input, r.size, f.patch, r.rows, r.cols)
		t := float32(r.first) / float32(r.steps)
		for i, v := range f.x {
			f.x[i] = (1-t)*v + t*picture[i%size]
		}
	}
	span.End()
}

// total is the number of steps of the whole request.
func (r *run) total() int {
	return (r.steps - r.first) * ((r.count + r.batch - 1) / r.batch)
}

// denoise runs the steps. It looks at the context before each.
func (r *run) denoise() error {
	f := &r.forward
	for i := r.first; i < r.steps; i++ {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		t := float64(i) / float64(r.steps)
		span := r.thread.BeginArgs(nameStep, trace.Int(keyStep, int64(i)), trace.Float(keyTime, t),
			trace.Float(keyGuidance, r.guidance), trace.Int(keyBatch, int64(f.samples())))
		f.step(t)
		f.guide(r.guidance)
		f.euler(1 / (math.Max(1-t, 0.05) * float64(r.steps)))
		span.End()
		r.done++
		if r.progress != nil {
			r.progress(model.Progress{Step: r.done, Steps: r.total()})
		}
	}
	return nil
}
