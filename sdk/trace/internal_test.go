package trace

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// TestNoSharedMap maps a folder, which has no memory to share.
func TestNoSharedMap(t *testing.T) {
	f, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := mapFile(f, 1<<20); !errors.Is(err, ErrNoSharedMap) {
		t.Errorf("error %v", err)
	}
}

func TestClocks(t *testing.T) {
	for _, kind := range []uint8{counterClock, segment.ClockMonotonic} {
		c := newClock(kind)
		a := c.pair()
		time.Sleep(20 * time.Millisecond)
		b := c.pair()
		if b.ticks <= a.ticks || b.mono <= a.mono {
			t.Errorf("clock %d went back: %+v, %+v", kind, a, b)
		}
		slept := float64(b.mono - a.mono)
		if kind == segment.ClockMonotonic && math.Abs(float64(b.ticks-a.ticks)-slept) > 1e6 {
			t.Errorf("ticks of the monotonic clock are no nanoseconds: %+v, %+v", a, b)
		}
		rate := float64(c.rate(b))
		if got := float64(b.ticks-a.ticks) / slept * 1e9; math.Abs(got/rate-1) > 0.1 {
			t.Errorf("clock %d: rate %g, measured %g", kind, rate, got)
		}
		if d := time.Since(time.Unix(0, b.wall)); d < 0 || d > time.Minute {
			t.Errorf("clock %d: wall is %v ago", kind, d)
		}
	}
}

// TestDetachedTracksHoldNothing: a released lane lets go at the stop.
func TestDetachedTracksHoldNothing(t *testing.T) {
	before := mapped.Load()
	r := newRecorder(Options{}, systemClock(), false)
	if err := r.Start(Start{Path: filepath.Join(t.TempDir(), "a.seg"), MaxBytes: segment.MinBytes}); err != nil {
		t.Fatal(err)
	}
	l := r.Lane("g")
	l.Instant(Name("x"))
	l.Release()
	if _, err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	if n := mapped.Load() - before; n > 0 {
		t.Errorf("%d mappings left", n)
	}
}

// TestNameTableIsBounded fills a table of its own.
func TestNameTableIsBounded(t *testing.T) {
	n := nameTable{ids: map[nameKey]NameID{}, metas: map[*meta]struct{}{}}
	var b [4]byte
	for i := range segment.MaxNames + 100 {
		b = [4]byte{byte(i), byte(i >> 8), byte(i >> 16), 'x'}
		if id := n.intern(nameKey{CategoryNone, string(b[:])}); id > segment.MaxNames {
			t.Fatalf("id %d", id)
		}
	}
	if len(n.list) != segment.MaxNames || n.list[len(n.list)-1].text != "(name table full)" {
		t.Errorf("%d names, the last is %q", len(n.list), n.list[len(n.list)-1].text)
	}
	if n.lost.Load() != 101 {
		t.Errorf("%d lost", n.lost.Load())
	}
}

func TestRequestsOfOpenSpans(t *testing.T) {
	var r requests
	var open []openSpan
	want := map[uint64]string{}
	for i := range uint64(200) {
		id := string(rune('a' + i%26))
		r.set(id, 2*i, open)
		want[2*i+1] = id
		if len(open) < 50 {
			open = append(open, openSpan{seq: 2*i + 1})
		}
		for _, o := range open {
			if got := r.of(o.seq); got != want[o.seq] {
				t.Fatalf("after %d: span %d has request %q, want %q", i, o.seq, got, want[o.seq])
			}
		}
	}
	if len(r.marks) > 2*50+8 {
		t.Errorf("%d marks", len(r.marks))
	}
}
