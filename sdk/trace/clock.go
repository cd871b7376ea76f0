package trace

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// clock turns "now" into ticks. There is one a process, and another one in tests.
type clock struct {
	kind  uint8
	start pair      // of the clock's making: the base of the calibration
	base  time.Time // carries Go's monotonic reading
	mono  int64     // the system's monotonic clock at base, in nanoseconds
}

// pair is one moment on three clocks.
type pair struct {
	ticks uint64
	mono  int64 // ns of the monotonic clock
	wall  int64 // ns since 1970-01-01 UTC
	width uint64
}

// systemClock is the best clock of this machine: the processor's counter where it can be trusted.
var systemClock = sync.OnceValue(func() *clock {
	if invariantCounter() && trustCounter() {
		return newClock(counterClock)
	}
	return newClock(segment.ClockMonotonic)
})

func newClock(kind uint8) *clock {
	c := &clock{kind: kind}
	best := time.Duration(1 << 62)
	for range 16 {
		before := time.Now()
		var ts unix.Timespec
		if unix.ClockGettime(monotonicID, &ts) != nil {
			break
		}
		if d := time.Since(before); d < best {
			best, c.base, c.mono = d, before, ts.Nano()-int64(d/2)
		}
	}
	if c.base.IsZero() { // no such clock: the process's own
		c.base = time.Now()
		if c.kind == segment.ClockMonotonic {
			c.kind = segment.ClockProcess
		}
	}
	c.start = c.pair()
	return c
}

// ticks reads the clock.
func (c *clock) ticks() uint64 {
	if c.kind <= segment.ClockCNTVCT {
		return counter()
	}
	return uint64(c.mono + int64(time.Since(c.base)))
}

// pair reads all clocks, the best of 16 tries. Only the width of the reading limits its error.
func (c *clock) pair() pair {
	best := pair{width: 1 << 63}
	for range 16 {
		before := c.ticks()
		now := time.Now()
		after := c.ticks()
		if w := after - before; w < best.width {
			best = pair{before + w/2, c.mono + int64(now.Sub(c.base)), now.UnixNano(), w}
		}
	}
	return best
}

// rate is the ticks a second between the clock's making and p, 0 when the two are too near.
func (c *clock) rate(p pair) uint64 {
	if c.kind > segment.ClockCNTVCT {
		return 1e9
	}
	d := p.mono - c.start.mono
	if d < int64(time.Millisecond) || p.ticks <= c.start.ticks {
		return 0
	}
	return uint64(float64(p.ticks-c.start.ticks) / float64(d) * 1e9)
}
