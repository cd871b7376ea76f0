package perfetto

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

var started = time.Date(2026, 11, 23, 10, 3, 12, 0, time.UTC)

func name(c trace.Category, text string) *recording.Name {
	return &recording.Name{Text: text, Category: c}
}

// proc makes the batch of one process.
type proc struct {
	recording.Process
	events []recording.Event
	tracks uint32
}

func rank(n int) *proc {
	p := trace.Process{Kind: trace.ProcessModel, Name: "dit", StageName: "diffusion", Rank: n}
	return &proc{Process: recording.Process{Process: p, PID: 100 + n}}
}

func (p *proc) batch() *recording.Batch {
	b := &recording.Batch{Process: &p.Process, Events: p.events}
	p.events = nil
	return b
}

func (p *proc) track(name string) *line {
	p.tracks++
	return &line{p: p, on: &recording.Track{Process: &p.Process, ID: p.tracks, Name: name}}
}

// line opens and closes spans on a track.
type line struct {
	p    *proc
	on   *recording.Track
	open []recording.Event
	seq  uint64
}

func at(ns int64) int64 { return started.UnixNano() + ns }

func (l *line) begin(ns int64, text string, args ...recording.Arg) {
	l.seq++
	l.open = append(l.open, recording.Event{
		Kind: recording.Span, Track: l.on, Name: name(trace.CategoryOperator, text), Start: at(ns), Seq: l.seq, Depth: uint16(len(l.open)), Args: args,
	})
}

func (l *line) end(ns int64) {
	e := l.open[len(l.open)-1]
	l.open = l.open[:len(l.open)-1]
	e.End = at(ns)
	l.p.events = append(l.p.events, e)
}

func (l *line) add(ns int64, e recording.Event) {
	e.Track, e.Start = l.on, at(ns)
	l.p.events = append(l.p.events, e)
}

// export writes the batches and reads the trace.
func export(t *testing.T, limit int64, batches ...*recording.Batch) (traceFile, profiler.Artifact) {
	t.Helper()
	dir := t.TempDir()
	s, err := New().Open(t.Context(), profiler.Profile{ID: "20261123-100312-a1b2c3", Dir: dir, Started: started, MaxBytes: limit})
	if err != nil {
		t.Fatal(err)
	}
	var sum profiler.Summary
	seen := map[*recording.Process]bool{}
	for _, b := range batches {
		if err := s.Consume(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if !seen[b.Process] {
			seen[b.Process] = true
			sum.Processes = append(sum.Processes, recording.Summary{Process: b.Process, Lost: recording.Losses{Losses: trace.Losses{Full: 7}}})
		}
	}
	list, err := s.Finish(t.Context(), sum)
	for _, w := range s.(profiler.Warner).Warnings() {
		t.Log(w)
	}
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	f := decode(t, filepath.Join(dir, list[0].Name))
	if len(f.problems) > 0 {
		t.Error(f.problems)
	}
	return f, list[0]
}

func TestSpansAndArguments(t *testing.T) {
	p := rank(1)
	w := p.track("worker")
	key := func(k string) *recording.Name { return name(0, k) }
	w.begin(0, "outer",
		recording.Arg{Key: key("i"), Type: trace.TypeInt, Int: -5}, recording.Arg{Key: key("f"), Type: trace.TypeFloat, Float: math.Inf(1)},
		recording.Arg{Key: key("b"), Type: trace.TypeBool, Int: 1}, recording.Arg{Key: key("n"), Type: trace.TypeName, Text: "blocks.3"},
		recording.Arg{Key: key("s"), Type: trace.TypeString, Text: "é"}, recording.Arg{Key: key("d"), Type: trace.TypeShapes, Text: "[[2,3]]"})
	w.begin(0, "same begin")
	w.begin(0, "no length")
	w.end(0)
	w.begin(0, "follows")
	w.end(7)
	w.end(7)
	w.add(8, recording.Event{Kind: recording.Instant, Name: name(trace.CategoryMemory, "[memory]"), Request: "img-1"})
	w.add(8, recording.Event{Kind: recording.Counter, Name: name(trace.CategoryCounter, "queue"), Value: -3})
	w.add(9, recording.Event{Kind: recording.Counter, Name: name(trace.CategoryCounter, "load"), Value: 1.5, Float: true})
	w.end(9)
	f, a := export(t, 0, p.batch())
	{
		const on = "stage 0 diffusion rank 1 (dit)/worker"
		want := []slice{
			{Track: on, Name: "outer", Cat: "operator", Start: at(0), End: at(9), Args: map[string]any{"i": int64(-5), "f": math.Inf(1), "b": true, "n": "blocks.3", "s": "é", "d": "[[2,3]]"}},
			{Track: on, Name: "same begin", Cat: "operator", Start: at(0), End: at(7), Depth: 1, Args: map[string]any{}},
			{Track: on, Name: "no length", Cat: "operator", Start: at(0), End: at(0), Depth: 2, Args: map[string]any{}},
			{Track: on, Name: "follows", Cat: "operator", Start: at(0), End: at(7), Depth: 2, Args: map[string]any{}},
			{Track: on, Name: "[memory]", Cat: "memory", Start: at(8), End: at(8), Depth: 1, Args: map[string]any{"request_id": "img-1"}},
		}
		if d := cmp.Diff(want, f.slices); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(map[string][]float64{"queue": {-3}, "load": {1.5}}, f.counters); d != "" {
			t.Error(d)
		}
		if a.Events != 7 || a.Dropped != 0 || !slices.Contains(f.labels["stage 0 diffusion rank 1 (dit)"], "7 events lost ") {
			t.Errorf("%+v, labels %v", a, f.labels)
		}
	}
}

// TestArrows wants each arrow on the innermost span around it, and none where there is no span.
func TestArrows(t *testing.T) {
	a, b := rank(0), rank(1)
	l, w := a.track("request"), b.track("worker")
	l.begin(0, "http")
	l.begin(10, "dispatch")
	l.add(12, recording.Event{Kind: recording.FlowOut, Flow: 5})
	l.begin(20, "inner")
	l.end(30)
	l.end(40)
	l.end(50)
	l.add(60, recording.Event{Kind: recording.FlowOut, Flow: 6})
	w.begin(13, "pipeline_forward")
	w.add(14, recording.Event{Kind: recording.FlowIn, Flow: 5})
	w.end(39)
	f, artifact := export(t, 0, a.batch(), b.batch())
	if artifact.Dropped != 0 {
		t.Errorf("an arrow without a span is no loss to the bound: %+v", artifact)
	}
	var got []string
	for _, s := range f.slices {
		got = append(got, fmt.Sprint(s.Name, s.Out, s.In))
	}
	if want := []string{"http[] []", "dispatch[5] []", "pipeline_forward[] [5]", "inner[] []"}; !slices.Equal(got, want) {
		t.Error(got)
	}
}

// TestDevice has kernels and calls come in no order and overlap.
func TestDevice(t *testing.T) {
	p := rank(0)
	w := p.track("worker")
	w.begin(0, "gemm")
	w.end(50)
	c, s := p.track("CUDA calls of thread 9"), p.track("GPU 0 context 0 stream 7")
	s.on.Device, s.on.StreamID, c.on.Calls = true, 7, true
	add := func(l *line, c trace.Category, kind trace.WorkKind, text string, from, to int64, correlation uint64) {
		l.add(from, recording.Event{Kind: recording.Span, Name: name(c, text), End: at(to), Work: recording.Work{Kind: kind, Correlation: correlation, Track: w.on, External: 1}})
	}
	for i, k := range [][2]int64{{10, 20}, {20, 30}, {15, 25}, {30, 40}} {
		add(s, trace.CategoryDevice, trace.WorkKernel, "_Z4gemmPf", k[0], k[1], uint64(77+i))
	}
	for i := range int64(4) {
		add(c, trace.CategoryRuntime, trace.WorkRuntimeCall, "cudaLaunchKernel_v7000", 8-2*i, 10-2*i, uint64(80-i))
	}
	add(c, trace.CategoryRuntime, trace.WorkDriverCall, "cuLaunchKernel", 8, 9, 0)
	f, a := export(t, 0, p.batch())
	rows, out := map[string]int{}, map[any]uint64{}
	for _, s := range f.slices {
		rows[s.Track]++
		if s.Depth != 0 {
			t.Errorf("%+v", s)
		}
		if len(s.Out) == 1 {
			out[s.Args["correlation"]] = s.Out[0]
		}
	}
	for _, s := range f.slices {
		if s.Cat == "device" && (s.Name != "gemm(float*)" || len(s.In) != 1 || s.In[0] != out[s.Args["correlation"]]) {
			t.Errorf("%+v, calls %v", s, out)
		}
	}
	const on, stream, calls = "stage 0 diffusion rank 0 (dit)/", "GPU 0 context 0 stream 7", "CUDA calls of thread 9"
	want := map[string]int{on + "worker": 1, on + stream: 3, on + stream + " (overlap)": 1, on + calls: 1, on + calls + " (overlap)": 4}
	if d := cmp.Diff(want, rows); d != "" || a.Events != 10 {
		t.Error(d, a)
	}
}

// TestAnyTree compares random trees, also such that are larger than what waits, span by span with what was recorded.
func TestAnyTree(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := rank(0)
		w := p.track("worker")
		spans := 300
		if seed%4 == 0 {
			spans = 3 * spansWaiting
		}
		now := int64(0)
		for n := 0; n < spans || len(w.open) > 0; {
			if n < spans && (len(w.open) == 0 || r.IntN(2) == 0) && len(w.open) < 200 {
				w.begin(now, fmt.Sprint("span ", n))
				n++
			} else if len(w.open) > 1 || n >= spans {
				w.end(now)
			}
			if now += int64(r.IntN(3)); spans > spansWaiting {
				now++ // what is told of ties holds for whole trees
			}
		}
		want := map[string]slice{}
		for _, e := range p.events {
			want[e.Name.Text] = slice{Start: e.Start, End: e.End, Depth: int(e.Depth)}
		}
		f, a := export(t, 0, p.batch())
		if len(f.slices) != len(want) || a.Events != uint64(len(want)) {
			t.Errorf("seed %d: %d of %d", seed, len(f.slices), len(want))
		}
		for _, s := range f.slices {
			if w := want[s.Name]; w.Start != s.Start || w.End != s.End || w.Depth != s.Depth {
				t.Fatalf("seed %d: %+v, recorded %+v", seed, s, w)
			}
		}
	}
}

// TestBound wants a whole file within the bound and what is missing counted.
func TestBound(t *testing.T) {
	for _, limit := range []int64{4 << 10, 20 << 10, 100 << 10} {
		p := rank(0)
		w := p.track("worker")
		for i := range int64(3000) {
			w.begin(i*100, "outer")
			w.begin(i*100+1, strings.Repeat("x", int(i%50)))
			w.end(i*100 + 50)
			w.end(i*100 + 60)
		}
		f, a := export(t, limit, p.batch())
		if a.Bytes > limit || a.Events != uint64(len(f.slices)) || a.Events+a.Dropped != 6000 || a.Events == 0 {
			t.Errorf("limit %d: %+v, %d slices", limit, a, len(f.slices))
		}
	}
}

// TestAbort wants nothing to stay.
func TestAbort(t *testing.T) {
	dir := t.TempDir()
	s, err := New().Open(t.Context(), profiler.Profile{ID: "../x", Dir: dir, Started: started})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.(profiler.Aborter).Abort(t.Context()); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
