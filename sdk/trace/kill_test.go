package trace_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// writeUntilKilled is another process: it writes spans, and tells after each group how many have begun and ended.
func writeUntilKilled(dir string) {
	r := trace.New(trace.Options{})
	err := r.Start(trace.Start{Path: filepath.Join(dir, "a.seg"), MaxBytes: 256 * mib, Process: trace.Process{Kind: trace.ProcessModel, Name: "victim"}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	w := r.Track("w")
	began, ended := 0, 0
	one := func(s trace.Span) int {
		if s == (trace.Span{}) { // counted as lost
			return 0
		}
		return 1
	}
	for {
		outer := w.Begin(nameOuter)
		n := one(outer)
		began += n
		for range 50 {
			inner := w.BeginArgs(nameInner, trace.Int(keyN, int64(began)))
			began += one(inner)
			inner.End()
			ended += one(inner)
		}
		fmt.Println(began, ended) // outer is open
		outer.End()
		ended += n
		fmt.Println(began, ended)
	}
}

// TestKilledWriterLosesNothing kills a process while it writes: every Begin and End that had returned is there, and
// what was open is marked so.
func TestKilledWriterLosesNothing(t *testing.T) {
	n := 3
	if full() {
		n = 40
	}
	for i := range n {
		dir := t.TempDir()
		began, ended := killWriter(t, dir, time.Duration(10+17*i%90)*time.Millisecond)
		var closed, open int
		sums, err := recording.Read(context.Background(), dir, func(b *recording.Batch) error {
			for e := range b.All() {
				if e.Open {
					open++
				} else {
					closed++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		lost := sums[0].Lost
		if closed+open < began || closed < ended || open > 2 || lost.Corrupt > 0 {
			t.Errorf("%d closed and %d open spans; %d had begun and %d ended; %+v", closed, open, began, ended, lost)
		}
	}
}

// killWriter returns what the writer said last.
func killWriter(t *testing.T, dir string, after time.Duration) (began, ended int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STROBE_TEST_KILLED_WRITER="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	first := true
	for lines.Scan() {
		if first {
			first = false
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		a, b, ok := strings.Cut(lines.Text(), " ")
		x, err1 := strconv.Atoi(a)
		y, err2 := strconv.Atoi(b)
		if ok && err1 == nil && err2 == nil && y >= ended && x <= y+1 {
			began, ended = x, y // a line that was cut short is none
		}
	}
	_ = cmd.Wait()
	if began == 0 {
		t.Fatal("the writer wrote nothing")
	}
	return began, ended
}
