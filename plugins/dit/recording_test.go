package dit

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// span is an event as the tests look at it.
type span struct {
	name       string
	category   trace.Category
	request    string
	start, end int64
	seq, up    uint64
	args       map[string]recording.Arg
}

func (s span) duration() float64 { return float64(s.end - s.start) }

// recorded is what a Generate left.
type recorded struct {
	spans  []span // in order of their begin
	memory []span
	flows  []uint64
	result *model.Result
}

func record(t *testing.T, cfg Config, req *model.Request) recorded {
	t.Helper()
	rec := trace.New(trace.Options{})
	s := loadTest(t, cfg, rec)
	generate(t, s, &model.Request{Steps: 1, Size: req.Size}) // warm: pages and caches
	dir := t.TempDir()
	start := trace.Start{Path: filepath.Join(dir, "rank.seg"), MaxBytes: 64 << 20, Process: trace.Process{Kind: trace.ProcessModel, Name: "dit"}}
	if err := rec.Start(start); err != nil {
		t.Fatal(err)
	}
	out := recorded{result: generate(t, s, req)}
	stats, err := rec.Stop()
	if err != nil || stats.Lost.Total() > 0 {
		t.Fatalf("stop: %+v, %v", stats, err)
	}
	_, err = recording.Read(t.Context(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			out.add(e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(out.spans, func(a, b span) int { return int(a.seq) - int(b.seq) })
	return out
}

func (r *recorded) add(e *recording.Event) {
	s := span{name: e.Name.Text, category: e.Name.Category, request: e.Request, start: e.Start, end: e.End, seq: e.Seq, up: e.Parent,
		args: map[string]recording.Arg{}}
	for _, a := range e.Args {
		s.args[a.Key.Text] = a
	}
	switch {
	case e.Kind == recording.Span:
		r.spans = append(r.spans, s)
	case e.Kind == recording.Instant && e.Name.Text == "[memory]":
		r.memory = append(r.memory, s)
	case e.Kind == recording.FlowIn:
		r.flows = append(r.flows, e.Flow)
	}
}

// within returns the spans directly under another.
func (r *recorded) within(seq uint64) (children []span) {
	for _, s := range r.spans {
		if s.up == seq {
			children = append(children, s)
		}
	}
	return children
}

func (r *recorded) named(name string) (found []span) {
	for _, s := range r.spans {
		if s.name == name {
			found = append(found, s)
		}
	}
	return found
}

func names(spans []span) (all []string) {
	for _, s := range spans {
		all = append(all, s.name)
	}
	return all
}

func emojiRecording(t *testing.T) recorded {
	return record(t, Config{Threads: 2}, &model.Request{ID: "req-1", Flow: 77, Prompt: "noto cat", Seed: 1, Steps: 5, Count: 2})
}

func TestSpans(t *testing.T) {
	r := emojiRecording(t)
	top := r.within(0)
	if d := cmp.Diff([]string{"pipeline_forward"}, names(top)); d != "" {
		t.Fatalf("outermost spans (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"dit::embedding", "dit::noise", "diffusion_forward", "dit::to_pixels"}, names(r.within(top[0].seq))); d != "" {
		t.Errorf("in the pipeline (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]uint64{77}, r.flows); d != "" {
		t.Errorf("flows (-want +got):\n%s", d)
	}
	for _, s := range r.spans {
		if s.request != "req-1" {
			t.Fatalf("span %s carries request %q", s.name, s.request)
		}
	}
	steps := r.within(r.named("diffusion_forward")[0].seq)
	if len(steps) != 5 {
		t.Fatalf("%d steps", len(steps))
	}
	for i, s := range steps {
		got := fmt.Sprintf("%s %d %g %g %d", s.name, s.args["step"].Int, s.args["t"].Float, s.args["guidance"].Float, s.args["cfg_batch"].Int)
		if want := fmt.Sprintf("denoise_step %d %g 1.5 4", i, float64(i)/5); got != want || s.category != trace.CategoryStep {
			t.Errorf("step is %q, want %q", got, want)
		}
	}
	want := []string{"embed", "blocks.0", "blocks.1", "blocks.2", "blocks.3", "blocks.4", "blocks.5", "final", "dit::guidance", "dit::euler_step"}
	if d := cmp.Diff(want, names(r.within(steps[1].seq))); d != "" {
		t.Errorf("in a step (-want +got):\n%s", d)
	}
	block := r.within(r.named("blocks.3")[1].seq)
	want = []string{"dit::layer_norm", "dit::modulate", "dit::linear", "dit::pack_heads", "dit::attention", "dit::linear", "dit::gate_add",
		"dit::layer_norm", "dit::modulate", "dit::linear", "dit::gelu", "dit::linear", "dit::gate_add"}
	if d := cmp.Diff(want, names(block)); d != "" {
		t.Errorf("in a block (-want +got):\n%s", d)
	}
	qkv := block[2].args
	for key, want := range map[string]string{"module": "blocks.3.attn.qkv", "Input Dims": "[[4,70,192],[192,576],[576]]", "dtype": "float32"} {
		if qkv[key].Text != want {
			t.Errorf("%s is %q, want %q", key, qkv[key].Text, want)
		}
	}
	if got, want := qkv["flops"].Int, int64(2*4*70*192*576); got != want {
		t.Errorf("flops is %d, want %d", got, want)
	}
	if got, want := qkv["bytes"].Int, int64(4*(280*192+192*576+576+280*576)); got != want {
		t.Errorf("bytes is %d, want %d", got, want)
	}
}

// TestFLOPsAreTheFormula: the sum over what was recorded is the closed formula, exactly, for both networks and kinds of guidance.
func TestFLOPsAreTheFormula(t *testing.T) {
	one, two := 1.0, 2.0
	size := model.Size{Width: 80, Height: 48}
	for _, c := range []struct {
		name string
		cfg  Config
		req  model.Request
		cost Cost
	}{
		{"emoji, guided", Config{Threads: 1}, model.Request{Guidance: &two, Steps: 3, Count: 1}, Cost{192, 6, 768, 128, 48, 6, 64, 1, 2}},
		{"emoji, three unguided", Config{Threads: 2}, model.Request{Guidance: &one, Steps: 2, Count: 3}, Cost{192, 6, 768, 128, 48, 6, 64, 3, 3}},
		{"random", Config{Weights: weightsRandom, Threads: 2}, model.Request{Steps: 1, Count: 1, Size: size}, Cost{384, 12, 1536, 128, 768, 6, 15, 1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := record(t, c.cfg, &c.req)
			var sum int64
			for _, s := range r.spans {
				sum += s.args["flops"].Int
			}
			if want := c.cost.StepFLOPs() * int64(c.req.Steps); sum != want {
				t.Errorf("recorded %d operations, the formula says %d", sum, want)
			}
		})
	}
}

// TestStepFLOPsByHand counts one small network by hand.
func TestStepFLOPsByHand(t *testing.T) {
	c := Cost{Width: 2, Layers: 1, MLP: 3, Frequencies: 4, PatchInputs: 5, TextTokens: 1, ImageTokens: 2, Images: 1, Samples: 2}
	const (
		time   = 4*2 + 2*2 + 2*2*12 + 2*2*4
		inp    = 2 * 5 * 2
		qkv    = 2 * 3 * 2 * 6
		scores = 2 * 3 * 3 * 2
		values = 2 * 3 * 3 * 2
		o      = 2 * 3 * 2 * 2
		mlp    = 2 * 3 * 2 * 3 * 2
		out    = 2 * 2 * 2 * 5
	)
	if got, want := c.StepFLOPs(), int64(2*(time+inp+qkv+scores+values+o+mlp+out)); got != want {
		t.Errorf("formula says %d, by hand %d", got, want)
	}
}

// TestStepsAreTheirParts: children lie within their span one after another, so what is not theirs is gaps, and those are small.
func TestStepsAreTheirParts(t *testing.T) {
	r := emojiRecording(t)
	var shares []float64
	for _, s := range r.spans {
		at, gaps, parts := s.start, int64(0), int64(0)
		children := r.within(s.seq)
		for _, c := range children {
			if c.start < at || c.end > s.end {
				t.Fatalf("%s in %s overlaps", c.name, s.name)
			}
			gaps, parts, at = gaps+c.start-at, parts+c.end-c.start, c.end
		}
		if len(children) == 0 {
			continue
		}
		gaps += s.end - at
		if math.Abs(float64(gaps+parts)-s.duration()) > s.duration()/100 {
			t.Errorf("%s lasts %d ns, its parts %d and gaps %d", s.name, s.end-s.start, parts, gaps)
		}
		if s.name == "denoise_step" || strings.HasPrefix(s.name, "blocks.") {
			shares = append(shares, float64(gaps)/s.duration())
		}
	}
	slices.Sort(shares)
	if median := shares[len(shares)/2]; median > 0.1 { // measured: 0.002
		t.Errorf("gaps are %.1f %% of a step or block in the median", 100*median)
	} else {
		t.Logf("gaps are %.3f %% of a step or block in the median", 100*median)
	}
}

func TestReplyAgreesWithTrace(t *testing.T) {
	r := emojiRecording(t)
	for try := 1; ; try++ { // the two clocks are read one after the other: a busy machine may pause us in between
		got, inTrace := r.result.Durations["diffuse"], r.named("diffusion_forward")[0].duration()/1e9
		if math.Abs(got-inTrace) <= inTrace/100 {
			break
		}
		if try == 5 {
			t.Fatalf("diffuse is %g s in the reply, %g s in the trace", got, inTrace)
		}
		r = emojiRecording(t)
	}
	var peak, sum int64
	for _, m := range r.memory {
		sum += m.args["Bytes"].Int
		peak = max(peak, m.args["Total Allocated"].Int)
		if got := m.args["Total Allocated"].Int; got != sum {
			t.Fatalf("%d bytes allocated after changes of %d", got, sum)
		}
		if m.args["Total Reserved"].Int < sum || m.args["Addr"].Int == 0 || m.args["Device Type"].Int != 0 || m.args["Device Id"].Int != -1 {
			t.Fatalf("instant %+v", m.args)
		}
	}
	if sum != 0 {
		t.Errorf("%d bytes never freed", sum)
	}
	if got := r.result.PeakMemoryBytes; got != peak || peak == 0 {
		t.Errorf("peak is %d bytes in the reply, %d in the trace", got, peak)
	}
}
