package dit

import (
	"bytes"
	"math"
	"os"
	"testing"

	"github.com/strobe-dev/strobe/plugins/dit/internal/safetensors"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// newTestSession loads the built-in model on so many workers.
func newTestSession(tb testing.TB, threads int) *session {
	tb.Helper()
	return loadTest(tb, Config{Threads: threads}, trace.New(trace.Options{}))
}

// loadTest loads a model that is closed with the test. rec is closed too.
func loadTest(tb testing.TB, cfg Config, rec *trace.Recorder) *session {
	tb.Helper()
	p := &plugin{config: cfg}
	s, err := p.Load(tb.Context(), model.Rank{}, rec)
	if err != nil {
		tb.Fatalf("load: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
		if err := rec.Close(); err != nil {
			tb.Errorf("close recorder: %v", err)
		}
	})
	return s.(*session)
}

func openReference(t *testing.T) *safetensors.File {
	t.Helper()
	b, err := os.ReadFile("weights/reference.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func floatsOf(t *testing.T, f *safetensors.File, name string) []float32 {
	t.Helper()
	v, err := f.Floats(name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func tokensOf(t *testing.T, f *safetensors.File, name string) []int {
	t.Helper()
	v, err := f.Ints(name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// largestDifference between patches and planes of an image.
func largestDifference(t *testing.T, patches, planes []float32, s shape) float64 {
	t.Helper()
	want := make([]float32, len(patches))
	toPatches(want, planes, 4, s.rows, s.cols)
	worst := 0.0
	for i, v := range patches {
		d := math.Abs(float64(v) - float64(want[i]))
		if !(d <= worst) {
			worst = d
		}
	}
	return worst
}

func TestNetworkAgreesWithReference(t *testing.T) {
	s, ref := newTestSession(t, 2), openReference(t)
	x, times, tok, y := floatsOf(t, ref, "x"), floatsOf(t, ref, "t"), tokensOf(t, ref, "tok"), floatsOf(t, ref, "y")
	sh := shape{images: 1, copies: 1, rows: 8, cols: 8}
	const size = 3 * 32 * 32
	for i, at := range times {
		s.bind(sh)
		s.prompts(tok[6*i:6*i+6], nil)
		toPatches(s.forward.x, x[i*size:(i+1)*size], 4, 8, 8)
		s.forward.step(float64(at))
		if d := largestDifference(t, s.forward.pred, y[i*size:(i+1)*size], sh); !(d <= 1e-4) {
			t.Errorf("output %d differs from the reference by %g, want at most 1e-4", i, d)
		} else {
			t.Logf("output %d differs by %.2g", i, d)
		}
		s.arena.releaseAll()
	}
}

func TestSamplingAgreesWithReference(t *testing.T) {
	s, ref := newTestSession(t, 2), openReference(t)
	sh := shape{images: 1, copies: 2, rows: 8, cols: 8}
	s.bind(sh)
	defer s.arena.releaseAll()
	s.prompts(tokensOf(t, ref, "prompt_tok"), make([]int, 6))
	toPatches(s.forward.x, floatsOf(t, ref, "noise"), 4, 8, 8)
	r := &run{session: s, ctx: t.Context(), options: options{rows: 8, cols: 8, steps: 20, guidance: 1.5, count: 1}, batch: 1}
	if err := r.denoise(); err != nil {
		t.Fatal(err)
	}
	d := largestDifference(t, s.forward.x, floatsOf(t, ref, "image"), sh)
	if !(d <= 1e-3) {
		t.Fatalf("image differs from the reference by %g, want at most 1e-3", d)
	}
	t.Logf("image differs by %.2g", d)
}
