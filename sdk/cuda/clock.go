//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import "github.com/strobe-dev/strobe/sdk/trace"

// clock puts times of the library on the recorder's clock. The two are read together now and then; in between, and
// beyond, the ratio of the nearest two readings holds. So it does not matter what the library's clock is.
type clock struct {
	read  func() (trace.Ticks, uint64, bool) // both clocks at one moment
	pairs []clockPair
	hint  int
	steps int // how often the library's clock was set
}

// clockPair is one moment on both clocks, and the ticks a nanosecond from here on.
type clockPair struct {
	ns    uint64
	ticks uint64
	slope float64
}

// maxPairs bounds memory: three hours of pairs, of which the older half goes.
const maxPairs = 1 << 16

// minApart is how far apart two pairs are at least, in nanoseconds: nearer ones would have the error of a reading in the ratio.
const minApart = 100_000

// bothClocks reads the recorder's clock and the library's, the best of some tries.
func bothClocks(rec *trace.Recorder, lib *cupti) func() (trace.Ticks, uint64, bool) {
	ns := new(uint64) // not on the stack: its address goes to C
	return func() (best trace.Ticks, at uint64, ok bool) {
		width := trace.Ticks(1) << 63
		for range 8 {
			before := rec.Now()
			if !lib.now(ns) {
				return 0, 0, false
			}
			after := rec.Now()
			if w := after - before; w < width {
				width, best, at, ok = w, before+w/2, *ns, true
			}
		}
		return best, at, ok
	}
}

// look takes a pair.
func (c *clock) look() {
	ticks, ns, ok := c.read()
	if !ok {
		return
	}
	n := len(c.pairs)
	if n == 0 {
		c.pairs = append(c.pairs, clockPair{ns, uint64(ticks), 0})
		return
	}
	last := &c.pairs[n-1]
	if uint64(ticks) <= last.ticks || ns > last.ns && ns-last.ns < minApart {
		return
	}
	slope := float64(uint64(ticks)-last.ticks) / float64(int64(ns-last.ns))
	before := last.slope
	if n > 1 {
		before = c.pairs[n-2].slope
	}
	if ns <= last.ns || n > 1 && (slope < before/2 || slope > before*2) {
		// The clock was set. What was before is as it was; what comes is measured anew from here.
		c.steps++
		c.pairs, c.hint = append(c.pairs[:0], clockPair{ns, uint64(ticks), before}), 0
		return
	}
	last.slope = slope
	c.pairs = append(c.pairs, clockPair{ns, uint64(ticks), slope})
	if len(c.pairs) > maxPairs {
		c.pairs, c.hint = append(c.pairs[:0], c.pairs[maxPairs/2:]...), 0
	}
}

// ticks converts a time of the library.
func (c *clock) ticks(ns uint64) trace.Ticks {
	p := &c.pairs[c.hint]
	if ns < p.ns || c.hint+1 < len(c.pairs) && ns >= c.pairs[c.hint+1].ns {
		p = &c.pairs[c.find(ns)]
	}
	return trace.Ticks(max(0, int64(p.ticks)+int64(float64(int64(ns-p.ns))*p.slope)))
}

// find is the last pair that is not after ns, or the first.
func (c *clock) find(ns uint64) int {
	low, high := 0, len(c.pairs)
	for high-low > 1 {
		if m := (low + high) / 2; c.pairs[m].ns <= ns {
			low = m
		} else {
			high = m
		}
	}
	c.hint = low
	return low
}
