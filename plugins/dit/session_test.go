package dit

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func generate(t *testing.T, s *session, req *model.Request) *model.Result {
	t.Helper()
	if req.Count == 0 {
		req.Count = 1
	}
	r, err := s.Generate(t.Context(), req, nil)
	if err != nil {
		t.Fatalf("generate: %v", err)
	}
	return r
}

func TestInfo(t *testing.T) {
	got := newTestSession(t, 2).Info()
	want := model.Info{
		Makes: true, Sizes: []model.Size{{Width: 32, Height: 32}}, Max: model.Size{Width: 32, Height: 32},
		DefaultSteps: 20, DefaultGuidance: 1.5, MaxSteps: 200, Parameters: 3_084_144,
		Details: map[string]string{"device": "cpu", "weights": "emoji", "threads": "2", "width": "192", "layers": "6", "heads": "6"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("info (-want +got):\n%s", d)
	}
}

// TestRedHeartIsRed looks at the picture: red inside, white in the corner.
func TestRedHeartIsRed(t *testing.T) {
	r := generate(t, newTestSession(t, 2), &model.Request{Prompt: "noto red heart", Seed: 11})
	m := r.Images[0]
	if m.Width != 32 || m.Height != 32 || len(m.Pixels) != 3*32*32 {
		t.Fatalf("image is %dx%d in %d bytes", m.Width, m.Height, len(m.Pixels))
	}
	at := func(x, y int) []byte { return m.Pixels[3*(32*y+x):][:3] }
	if p := at(16, 16); p[0] < 200 || p[1] > 110 || p[2] > 110 {
		t.Errorf("the middle is %v, want red", p)
	}
	if p := at(1, 30); p[0] < 230 || p[1] < 230 || p[2] < 230 {
		t.Errorf("the corner is %v, want white", p)
	}
	if r.Steps != 20 || r.PeakMemoryBytes <= 0 || r.Durations["diffuse"] <= 0 || r.Warnings != nil {
		t.Errorf("result %+v", r)
	}
}

func TestSameSeedSameImage(t *testing.T) {
	one, two := newTestSession(t, 1), newTestSession(t, 3)
	req := func(seed uint64, count int) *model.Request {
		return &model.Request{Prompt: "twemoji cat", Seed: seed, Count: count, Steps: 3}
	}
	batch := generate(t, one, req(40, 3)).Images
	if len(batch) != 3 {
		t.Fatalf("%d images, want 3", len(batch))
	}
	for i, want := range batch {
		if d := cmp.Diff(want, generate(t, two, req(40+uint64(i), 1)).Images[0]); d != "" {
			t.Errorf("image %d of a batch on one worker is not the image of its own seed on three", i)
		}
	}
	if cmp.Equal(batch[0], batch[1]) {
		t.Error("two seeds gave one image")
	}
	if !cmp.Equal(batch[0], generate(t, one, req(40, 1)).Images[0]) {
		t.Error("the image changed after other requests")
	}
}

func TestImagesThatDoNotFitTogether(t *testing.T) {
	whole := newTestSession(t, 1)
	req := &model.Request{Prompt: "noto dog", Seed: 5, Count: 5, Steps: 2}
	want := generate(t, whole, req)
	small := newTestSession(t, 1)
	small.maxFloats = small.network.floats(shape{2, 2, 8, 8}, 1)
	var last model.Progress
	got, err := small.Generate(t.Context(), req, func(p model.Progress) { last = p })
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want.Images, got.Images); d != "" {
		t.Error("images drawn two at a time differ from those drawn together")
	}
	if want := (model.Progress{Step: 6, Steps: 6}); last != want || got.Steps != 6 {
		t.Errorf("last progress is %+v after %d steps, want %+v", last, got.Steps, want)
	}
	if got.PeakMemoryBytes > 4*int64(small.maxFloats) || got.PeakMemoryBytes >= want.PeakMemoryBytes {
		t.Errorf("peak is %d bytes, limit %d", got.PeakMemoryBytes, 4*small.maxFloats)
	}
	small.maxFloats = 1000
	if _, err := small.Generate(t.Context(), req, nil); field(err) != "size" {
		t.Errorf("an image beyond the arena gives %v", err)
	}
}

func TestGuidance(t *testing.T) {
	s := newTestSession(t, 2)
	draw := func(guidance float64, negative string) *model.Result {
		return generate(t, s, &model.Request{Prompt: "noto panda", NegativePrompt: negative, Seed: 2, Steps: 2, Guidance: &guidance})
	}
	if cmp.Equal(draw(1.5, "").Images, draw(1.5, "twemoji panda").Images) {
		t.Error("the negative prompt changes nothing")
	}
	plain := draw(1, "")
	if d := math.Abs(meanPixel(plain) - meanPixel(draw(1.0001, ""))); d > 1 {
		t.Errorf("guidance 1 and 1.0001 differ by %g in the mean", d)
	}
	ignored := draw(1, "twemoji panda")
	if !cmp.Equal(plain.Images, ignored.Images) || len(ignored.Warnings) != 1 {
		t.Errorf("a negative prompt at guidance 1 gave warnings %q", ignored.Warnings)
	}
	if plain.PeakMemoryBytes >= draw(2, "").PeakMemoryBytes {
		t.Error("guidance 1 takes as much memory as guidance 2: the unguided half was not left out")
	}
}

func meanPixel(r *model.Result) float64 {
	sum := 0.0
	for _, p := range r.Images[0].Pixels {
		sum += float64(p)
	}
	return sum / float64(len(r.Images[0].Pixels))
}

func TestImageToImage(t *testing.T) {
	s := newTestSession(t, 2)
	heart := generate(t, s, &model.Request{Prompt: "noto red heart", Seed: 1}).Images[0]
	draw := func(strength float64, in model.Image) *model.Result {
		return generate(t, s, &model.Request{Prompt: "noto blue heart", Seed: 3, Steps: 10, Strength: &strength, Images: []model.Image{in}})
	}
	same := draw(0, heart)
	if same.Steps != 0 || !cmp.Equal(same.Images[0], heart) {
		t.Errorf("strength 0 took %d steps and changed the image: %v", same.Steps, !cmp.Equal(same.Images[0], heart))
	}
	if r := draw(0.5, heart); r.Steps != 5 {
		t.Errorf("strength 0.5 of 10 steps took %d", r.Steps)
	}
	if blue := draw(1, heart).Images[0].Pixels[3*(32*16+16):]; blue[2] < 150 || blue[0] > 100 {
		t.Errorf("strength 1 leaves the middle %v, want blue", blue[:3])
	}
	large := model.Image{Width: 64, Height: 48, Pixels: make([]byte, 3*64*48)}
	if m := draw(0, large).Images[0]; m.Width != 32 || m.Pixels[0] != 0 {
		t.Errorf("a black image of another size became %dx%d, first pixel %d", m.Width, m.Height, m.Pixels[0])
	}
}

func field(err error) string {
	if r, ok := model.AsRequestError(err); ok {
		return r.Field
	}
	return ""
}

func TestBadRequests(t *testing.T) {
	s := newTestSession(t, 1)
	num := func(v float64) *float64 { return &v }
	pixel := model.Image{Width: 1, Height: 1, Pixels: []byte{1, 2, 3}}
	for _, c := range []struct {
		name, field string
		req         model.Request
	}{
		{"steps below", "num_inference_steps", model.Request{Steps: -1}},
		{"steps above", "num_inference_steps", model.Request{Steps: 201}},
		{"guidance below", "guidance_scale", model.Request{Guidance: num(-1)}},
		{"guidance above", "guidance_scale", model.Request{Guidance: num(101)}},
		{"guidance is not a number", "guidance_scale", model.Request{Guidance: num(math.NaN())}},
		{"guidance endless", "guidance_scale", model.Request{Guidance: num(math.Inf(1))}},
		{"strength below", "strength", model.Request{Strength: num(-0.1)}},
		{"strength above", "strength", model.Request{Strength: num(1.1)}},
		{"strength is not a number", "strength", model.Request{Strength: num(math.NaN())}},
		{"size", "size", model.Request{Size: model.Size{Width: 64, Height: 64}}},
		{"half a size", "size", model.Request{Size: model.Size{Width: 32}}},
		{"count below", "n", model.Request{Count: -1}},
		{"count above", "n", model.Request{Count: 11}},
		{"two images", "image", model.Request{Images: []model.Image{pixel, pixel}}},
		{"image of no size", "image", model.Request{Images: []model.Image{{}}}},
		{"image of few bytes", "image", model.Request{Images: []model.Image{{Width: 2, Height: 2, Pixels: make([]byte, 11)}}}},
		{"image of an impossible size", "image", model.Request{Images: []model.Image{{Width: math.MaxInt, Height: math.MaxInt, Pixels: []byte{1}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.Generate(t.Context(), &c.req, nil)
			if got := field(err); got != c.field {
				t.Errorf("error %v names field %q, want %q", err, got, c.field)
			}
		})
	}
	if r := generate(t, s, &model.Request{Prompt: "still here", Steps: 1, Size: model.Size{Width: 32, Height: 32}}); len(r.Warnings) != 2 {
		t.Errorf("warnings %q, want one for each unknown word", r.Warnings)
	}
}

func TestProgressAndCancel(t *testing.T) {
	s := newTestSession(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var steps []int
	_, err := s.Generate(ctx, &model.Request{Steps: 200, Count: 1}, func(p model.Progress) {
		if p.Steps != 200 {
			t.Errorf("progress says %d steps", p.Steps)
		}
		if steps = append(steps, p.Step); p.Step == 3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if d := cmp.Diff([]int{1, 2, 3}, steps); d != "" {
		t.Errorf("steps (-want +got):\n%s", d)
	}
	if s.arena.used != 0 {
		t.Errorf("%d floats still in use", s.arena.used)
	}
	generate(t, s, &model.Request{Steps: 1})
}

func TestStepsAllocateNothing(t *testing.T) {
	s := newTestSession(t, runtime.GOMAXPROCS(0))
	s.bind(shape{1, 2, 8, 8})
	defer s.arena.releaseAll()
	s.prompts(make([]int, 6), make([]int, 6))
	r := &run{session: s, ctx: t.Context(), options: options{rows: 8, cols: 8, steps: 1, guidance: 1.5, count: 1}, batch: 1}
	if n := testing.AllocsPerRun(10, func() {
		if err := r.denoise(); err != nil {
			t.Fatal(err)
		}
	}); n >= 1 {
		t.Errorf("a step makes %g allocations", n)
	}
	slab := &s.arena.slab[0]
	s.arena.releaseAll()
	generate(t, s, &model.Request{Steps: 1})
	if slab != &s.arena.slab[0] {
		t.Error("a second request of the same shape took a new slab")
	}
}

func TestConfigValidate(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, weights, want string }{
		{"built in", "emoji", ""}, {"random", "random", ""}, {"empty", "", "is empty"},
		{"missing", dir + "/no.safetensors", "nor a file"}, {"folder", dir, "is a folder"}, {"a file", "doc.go", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := (&Config{Weights: c.weights}).Validate().Err()
			if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("findings %v, want %q", err, c.want)
			}
		})
	}
}

func TestRandomWeights(t *testing.T) {
	s := loadTest(t, Config{Weights: weightsRandom, Threads: 2, ArenaMiB: 256}, trace.New(trace.Options{}))
	info := s.Info()
	if !info.Synthetic || info.Sizes != nil || info.Max != (model.Size{Width: 1024, Height: 1024}) || info.Details["preset"] != "s" {
		t.Errorf("info %+v", info)
	}
	req := &model.Request{Prompt: "red heart", Size: model.Size{Width: 60, Height: 37}, Steps: 1, Seed: 1}
	r := generate(t, s, req)
	if m := r.Images[0]; m.Width != 60 || m.Height != 37 || len(m.Pixels) != 3*60*37 {
		t.Errorf("image is %dx%d in %d bytes", m.Width, m.Height, len(m.Pixels))
	}
	for i, v := range s.forward.x {
		if v-v != 0 {
			t.Fatalf("number %d of the image is %v", i, v)
		}
	}
	for name, size := range map[string]model.Size{
		"too large": {Width: 1025, Height: 64}, "half": {Width: 64}, "negative": {Width: -16, Height: 16},
	} {
		if _, err := s.Generate(t.Context(), &model.Request{Size: size, Count: 1}, nil); field(err) != "size" {
			t.Errorf("%s: size %v gives %v", name, size, err)
		}
	}
	zero, in := 0.0, model.Image{Width: 19, Height: 21, Pixels: make([]byte, 3*19*21)}
	for i := range in.Pixels {
		in.Pixels[i] = byte(i)
	}
	same := generate(t, s, &model.Request{Size: model.Size{Width: 19, Height: 21}, Strength: &zero, Images: []model.Image{in}})
	if d := cmp.Diff(in, same.Images[0]); d != "" {
		t.Error("an odd size does not survive being cut into patches")
	}
	big := &model.Request{Size: model.Size{Width: 1024, Height: 1024}, Count: 1}
	s.maxFloats = 1 << 20
	if _, err := s.Generate(t.Context(), big, nil); field(err) != "size" || !strings.Contains(err.Error(), "arena_mib") {
		t.Errorf("a size beyond the arena gives %v", err)
	}
}

func TestRandomWeightsAreReproducible(t *testing.T) {
	words := testVocabulary()
	p1, p2 := newPool(1), newPool(3)
	defer p1.close()
	defer p2.close()
	a, err := randomCheckpoint(t.Context(), "s", words, p1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := randomCheckpoint(t.Context(), "s", words, p2)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2][]float32{{a.network.embedding, b.network.embedding}, {a.network.blocks[11].f2.tiles, b.network.blocks[11].f2.tiles}} {
		if !cmp.Equal(pair[0], pair[1]) {
			t.Error("the weights depend on the workers")
		}
	}
	w := a.network.blocks[3].f1
	var sum, squares float64
	for _, v := range w.tiles {
		sum, squares = sum+float64(v), squares+float64(v)*float64(v)
	}
	n := float64(len(w.tiles))
	if variance := squares / n * float64(w.in); math.Abs(sum/n) > 1e-3 || math.Abs(variance-1) > 0.02 {
		t.Errorf("weights have mean %g and variance %g/in, want 0 and 1/in", sum/n, variance)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := randomCheckpoint(ctx, "s", words, p1); !errors.Is(err, context.Canceled) {
		t.Errorf("making weights for a caller who left gives %v", err)
	}
	if _, err := randomCheckpoint(t.Context(), "q", words, p1); err == nil {
		t.Error("preset q was made")
	}
}
