package perfetto

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestPerfettoOpensIt loads a trace into Perfetto's own trace processor: no error, and what the recording holds.
func TestPerfettoOpensIt(t *testing.T) {
	if os.Getenv("STROBE_TEST") != "full" {
		t.Skip("STROBE_TEST=full: needs Perfetto's trace processor; install with . .ci/viewers.sh")
	}
	tools := os.Getenv("STROBE_VIEWERS")
	if tools == "" {
		t.Fatal("STROBE_VIEWERS is not set: source .ci/viewers.sh")
	}
	dir := t.TempDir()
	s, err := New().Open(t.Context(), profiler.Profile{ID: "x", Dir: dir, Started: started})
	if err != nil {
		t.Fatal(err)
	}
	a, b := rank(0), rank(1)
	l, w := a.track("worker"), b.track("worker")
	l.begin(0, "outer")
	l.add(1, recording.Event{Kind: recording.FlowOut, Flow: 9})
	l.add(2, recording.Event{Kind: recording.FlowOut, Flow: 10}) // nobody receives it
	l.begin(0, "same begin")
	l.end(0)
	c := a.track("CUDA calls of thread 9")
	c.on.Calls = true
	c.add(5, recording.Event{Kind: recording.Span, Name: name(trace.CategoryRuntime, "cudaLaunchKernel"), End: at(6), Work: recording.Work{Kind: trace.WorkRuntimeCall, Correlation: 3}})
	l.end(100)
	l.add(50, recording.Event{Kind: recording.Instant, Name: name(trace.CategoryMemory, "[memory]")})
	l.add(50, recording.Event{Kind: recording.Counter, Name: name(trace.CategoryCounter, "queue"), Value: 2})
	w.begin(10, "receives")
	w.add(11, recording.Event{Kind: recording.FlowIn, Flow: 9})
	w.add(12, recording.Event{Kind: recording.FlowIn, Flow: 11}) // nobody sent it
	w.end(20)
	g := a.track("stream 7")
	g.on.Device, g.on.StreamID = true, 7
	for _, k := range [][2]int64{{10, 20}, {15, 25}} {
		g.add(k[0], recording.Event{Kind: recording.Span, Name: name(trace.CategoryDevice, "kernel"), End: at(k[1]), Work: recording.Work{Kind: trace.WorkKernel, Correlation: 3}})
	}
	for _, batch := range []*recording.Batch{a.batch(), b.batch()} {
		if err := s.Consume(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Finish(t.Context(), profiler.Summary{}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "perfetto.mjs", filepath.Join(tools, "perfetto"), filepath.Join(dir, "x.pftrace"))
	cmd.Dir = "../chrome/viewers"
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(tools, "node_modules"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	t.Logf("%s", out)
	var got []struct {
		Problems                                   []any
		Slices, Flows, Counters, Unfinished, Depth int
	}
	if jerr := json.Unmarshal(out, &got); err != nil || jerr != nil || len(got) != 1 {
		t.Fatal(err, jerr)
	}
	if g := got[0]; len(g.Problems) > 0 || g.Slices != 7 || g.Flows != 2 || g.Counters != 1 || g.Unfinished != 0 || g.Depth != 1 {
		t.Errorf("%+v", g)
	}
}
