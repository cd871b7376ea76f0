package recording

import (
	"math"
	"math/bits"
	"sort"
	"time"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// clockPair is one moment in ticks and in nanoseconds.
type clockPair struct {
	ticks uint64
	mono  int64
	wall  int64
}

// clock turns ticks into Unix nanoseconds: exact integer interpolation between two clock pairs, anchored at the first
// pair's wall clock, so that a step of the wall clock changes nothing.
type clock struct {
	pairs []clockPair
	rate  uint64 // ticks a second, for when there is one pair only
	hint  int    // index of the pair used last
}

// add takes a pair. It reports false for one by which one clock went back and the other did not: it is refused, so time
// stands still rather than going back.
func (c *clock) add(p clockPair) bool {
	if n := len(c.pairs); n > 0 {
		last := &c.pairs[n-1]
		if p.ticks <= last.ticks || p.mono < last.mono {
			// An older pair, as the first of a segment that was made ready in advance, adds nothing.
			return p.ticks <= last.ticks && p.mono <= last.mono
		}
	}
	c.pairs = append(c.pairs, p)
	return true
}

// span is the time between the first pair and the last.
func (c *clock) span() time.Duration {
	if len(c.pairs) == 0 {
		return 0
	}
	return time.Duration(max(0, c.pairs[len(c.pairs)-1].mono-c.pairs[0].mono))
}

// last is the tick up to which conversion is final.
func (c *clock) last() (uint64, bool) {
	if len(c.pairs) < 2 {
		return 0, false
	}
	return c.pairs[len(c.pairs)-1].ticks, true
}

// unix converts ticks, rounded to the nearest nanosecond. Outside the pairs the nearest slope goes on.
func (c *clock) unix(ticks uint64) int64 {
	n := len(c.pairs)
	if n == 0 {
		return 0
	}
	first := &c.pairs[0]
	if n == 1 {
		return addClamped(first.wall, c.single(ticks, first.ticks))
	}
	i := c.find(ticks)
	a, b := &c.pairs[i], &c.pairs[i+1]
	base := first.wall + (a.mono - first.mono)
	dt, dm := b.ticks-a.ticks, uint64(b.mono-a.mono)
	if ticks >= a.ticks {
		return addClamped(base, scale(ticks-a.ticks, dm, dt))
	}
	return addClamped(base, -scale(a.ticks-ticks, dm, dt))
}

// find is the index of the pair that begins the interval to convert ticks with.
func (c *clock) find(ticks uint64) int {
	last := len(c.pairs) - 2
	if i := min(c.hint, last); c.pairs[i].ticks <= ticks && (i == last || ticks < c.pairs[i+1].ticks) {
		return i
	}
	i := sort.Search(len(c.pairs), func(i int) bool { return c.pairs[i].ticks > ticks }) - 1
	c.hint = max(0, min(i, last))
	return c.hint
}

// single converts the distance from the only pair by the calibrated rate.
func (c *clock) single(ticks, from uint64) int64 {
	rate := c.rate
	if rate == 0 {
		rate = 1e9
	}
	if ticks >= from {
		return scale(ticks-from, 1e9, rate)
	}
	return -scale(from-ticks, 1e9, rate)
}

// scale is x*num/den, rounded to nearest and held within int64.
func scale(x, num, den uint64) int64 {
	hi, lo := bits.Mul64(x, num)
	lo, carry := bits.Add64(lo, den/2, 0)
	hi += carry
	if hi >= den {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, den)
	return int64(min(q, math.MaxInt64))
}

func addClamped(a, b int64) int64 {
	s := a + b
	switch {
	case a > 0 && b > 0 && s < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && s >= 0:
		return math.MinInt64
	}
	return s
}

// shared tells whether the ticks of two segments of one boot compare.
func shared(a, b *segment.Header) bool {
	return a.BootID == b.BootID && a.BootID != "" && a.Clock == b.Clock && a.Clock != segment.ClockProcess
}
