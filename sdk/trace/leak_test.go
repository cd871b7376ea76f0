package trace_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// usage is what a process holds.
type usage struct{ files, mappings, goroutines int }

func holds(t *testing.T) usage {
	t.Helper()
	u := usage{goroutines: runtime.NumGoroutine()}
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		u.files = len(fds)
	}
	if maps, err := os.ReadFile("/proc/self/maps"); err == nil {
		u.mappings = strings.Count(string(maps), ".seg")
	}
	return u
}

// TestStartStopLeaksNothing starts and stops with a track that never writes again, a pooled lane, and one that writes
// each time.
func TestStartStopLeaksNothing(t *testing.T) {
	n := 200
	if full() {
		n = 1000
	}
	dir := t.TempDir()
	r := trace.New(trace.Options{})
	before, mapped := holds(t), trace.Mapped()
	idle, busy := r.Track("idle"), r.Track("busy")
	var most int64
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("%d.seg", i))
		began := time.Now()
		start(t, r, path, 4*mib)
		if d := time.Since(began); d > 100*time.Millisecond {
			t.Logf("start %d took %v", i, d)
		}
		busy.Begin(nameOuter).End()
		lane := r.Lane("request")
		lane.Instant(nameMark)
		lane.Release()
		r.Track("gone").Instant(nameMark)
		if i == 0 {
			idle.Begin(nameOuter)
		}
		if st := stop(t, r); st.Events != 3 && i > 0 {
			t.Fatalf("stats %+v", st)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if i%50 == 0 {
			runtime.GC()
		}
		most = max(most, trace.Mapped()-mapped)
	}
	for range 100 { // tracks that are garbage let go when the collector says so
		runtime.GC()
		if trace.Mapped()-mapped <= 2 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if left := trace.Mapped() - mapped; left > 2 {
		t.Errorf("%d mappings left for two idle tracks", left)
	}
	after := holds(t)
	if after.files > before.files || after.mappings > before.mappings || after.goroutines > before.goroutines {
		t.Errorf("before %+v, after %+v", before, after)
	}
	t.Logf("at most %d mappings at once", most)
	runtime.KeepAlive(idle)
	runtime.KeepAlive(busy)
}
