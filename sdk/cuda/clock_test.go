//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"math"
	"testing"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestClock: a library's clock that runs 1 % faster than a third of the recorder's ticks, which is set back once.
func TestClock(t *testing.T) {
	ticks, ns := uint64(1_000_000_000), uint64(5_000_000_000)
	c := &clock{read: func() (trace.Ticks, uint64, bool) { return trace.Ticks(ticks), ns, true }}
	pass := func(by uint64) { ticks, ns = ticks+3*by, ns+by+by/100 }
	c.look()
	for range 100 {
		pass(200_000_000)
		c.look()
		pass(50) // too near to be of use
		c.look()
	}
	if len(c.pairs) != 101 || c.steps != 0 {
		t.Fatalf("%d pairs, %d steps", len(c.pairs), c.steps)
	}
	at := func(ns uint64) float64 { return float64(c.ticks(ns)) }
	for _, i := range []int{100, 3, 0, 99, 50} { // back and forth
		p := c.pairs[i]
		for _, d := range []int64{0, 1_000_000, 150_000_000, -1_000_000} {
			if want, got := float64(p.ticks)+float64(d)*3/1.01, at(uint64(int64(p.ns)+d)); math.Abs(got-want) > 10 {
				t.Errorf("%d ns from pair %d: %.0f, want %.0f", d, i, got, want)
			}
		}
	}
	pass(200_000_000)
	ns -= 1_000_000_000
	c.look()
	before := ticks
	pass(200_000_000)
	c.look()
	if got := at(ns - 101_000_000); c.steps != 1 || math.Abs(got-float64(before+300_000_000)) > 10 {
		t.Errorf("%d steps; halfway between the pairs %.0f, want %d", c.steps, got, before+300_000_000)
	}
}

func TestPackSpan(t *testing.T) {
	for _, id := range []trace.SpanID{{}, {Track: 1, Seq: 1}, {Track: maxTrackID, Seq: maxSequence}} {
		if got := unpackSpan(packSpan(id)); got != id {
			t.Errorf("%v came back as %v", id, got)
		}
	}
	for _, id := range []trace.SpanID{{Track: maxTrackID + 1, Seq: 1}, {Track: 1, Seq: maxSequence + 1}} {
		if v := packSpan(id); v != 0 {
			t.Errorf("%v is sent as %d", id, v)
		}
	}
}

func TestRequestsOfSpans(t *testing.T) {
	var r requests
	of := func(seq uint64) string {
		text, from, to := r.of(trace.SpanID{Track: 7, Seq: seq})
		if seq < from || seq >= to {
			t.Errorf("span %d is outside %d to %d", seq, from, to)
		}
		return text
	}
	r.set(trace.SpanID{Track: 7, Seq: 10}, "a")
	r.set(trace.SpanID{Track: 7, Seq: 20}, "b")
	r.set(trace.SpanID{Track: 7, Seq: 30}, "")
	for seq, want := range map[uint64]string{9: "", 10: "a", 19: "a", 20: "b", 29: "b", 30: "", 99: ""} {
		if got := of(seq); got != want {
			t.Errorf("span %d is of %q, want %q", seq, got, want)
		}
	}
	for i := range uint64(2 * maxMarks) {
		r.set(trace.SpanID{Track: 8, Seq: i + 1}, "x")
	}
	if n := len(r.marks[8]); n > maxMarks {
		t.Errorf("%d marks are kept", n)
	}
}
