package trace_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestNoAllocations holds recording to no allocation, on and off.
func TestNoAllocations(t *testing.T) {
	if trace.RaceEnabled {
		t.Skip("the race detector allocates")
	}
	r := trace.New(trace.Options{})
	defer r.Close()
	w := r.Track("w")
	ops := map[string]func(){
		"span": func() { w.Begin(nameInner).End() },
		"args": func() {
			w.BeginArgs(nameInner, trace.Int(keyN, 1), trace.String(keyN, "text")).EndArgs(trace.Int(keyEnd, 2))
		},
		"point": func() { w.Instant(nameMark, trace.Int(keyN, 1)); w.Count(nameMark, 1); w.FlowOut(1) },
		"lane":  func() { l := r.Lane("request"); l.SetRequest("id"); l.Instant(nameMark); l.Release() },
	}
	check := func(t *testing.T) {
		for name, op := range ops {
			op() // the stacks and buffers that grow once
			if n := testing.AllocsPerRun(500, op); n != 0 {
				t.Errorf("%s: %v allocations", name, n)
			}
		}
	}
	t.Run("off", check)
	start(t, r, filepath.Join(t.TempDir(), "a.seg"), 16*mib)
	t.Run("on", check)
	stop(t, r)
}

// TestInlined holds what a switched-off recorder costs: the test of the epoch is compiled into the caller.
func TestInlined(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs the go command:", err)
	}
	out, err := exec.Command("go", "build", "-gcflags=-m", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, f := range []string{
		"(*Track).Begin", "(*Track).BeginArgs", "(*Track).Instant", "(*Track).Count", "(*Track).CountFloat",
		"(*Track).FlowOut", "(*Track).FlowIn", "Span.End", "Span.EndArgs", "Int", "Float", "Bool", "Text", "Shapes", "String",
	} {
		if !strings.Contains(string(out), "can inline "+f+"\n") {
			t.Errorf("%s is not inlined", f)
		}
	}
}
