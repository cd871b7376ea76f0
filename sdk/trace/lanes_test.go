package trace_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestLanes(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder()
	start(t, r, filepath.Join(dir, "a.seg"), mib)
	a, b, c := r.Lane("request"), r.Lane("request"), r.Lane("request")
	a.SetRequest("ra")
	b.Begin(nameOuter) // left open: the release ends it
	b.Release()
	b.Release() // twice is once
	a.Instant(nameMark)
	a.Release()
	again, next := r.Lane("request"), r.Lane("request")
	if again != a || next != b {
		t.Error("lanes are not given lowest first")
	}
	again.Instant(nameInner)
	if d := r.Lane("request"); d == c || d == a || d == b {
		t.Error("a lane was given twice")
	}
	r.Track("plain").Release()
	stop(t, r)
	want := []string{
		"2 request 0 mark depth=0 parent=0 request=ra", "2 request 0 inner depth=0 parent=0", "1 request 1 outer depth=0 parent=0",
	}
	got := events(t, dir)
	if d := cmp.Diff(want, sorted(got, want)); d != "" {
		t.Error(d)
	}
}

// sorted puts got into want's order where it can: tracks come in no order among each other.
func sorted(got, want []string) (out []string) {
	rest := append([]string(nil), got...)
	for _, w := range want {
		for i, g := range rest {
			if g == w {
				out = append(out, g)
				rest = append(rest[:i], rest[i+1:]...)
				break
			}
		}
	}
	return append(out, rest...)
}

func TestManyLanes(t *testing.T) {
	n := 2_000
	if full() {
		n = 10_000
	}
	dir := t.TempDir()
	r := trace.New(trace.Options{})
	start(t, r, filepath.Join(dir, "a.seg"), 512*mib)
	lanes := make([]*trace.Track, n)
	for round := range 2 {
		for i := range lanes {
			lanes[i] = r.Lane("request")
			lanes[i].SetRequest(fmt.Sprint(round, "-", i))
			lanes[i].Begin(nameOuter)
			if i%200 == 0 {
				time.Sleep(2 * time.Millisecond) // each new lane takes a chunk
			}
		}
		for _, l := range lanes {
			l.Release()
		}
	}
	st := stop(t, r)
	if st.Events+st.Lost.Total() != uint64(2*n) || st.Lost.Total() > 0 {
		t.Errorf("stats %+v", st)
	}
	if got := readAll(t, dir); got.events != st.Events || len(got.tracks) != n || got.corrupt > 0 {
		t.Errorf("%d events on %d tracks", got.events, len(got.tracks))
	}
}
