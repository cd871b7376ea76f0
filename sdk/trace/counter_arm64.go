package trace

import "github.com/strobe-dev/strobe/sdk/internal/segment"

// counter reads the virtual counter.
func counter() uint64

// invariantCounter: the architecture promises one rate and one value for all processors.
func invariantCounter() bool { return true }

const (
	counterClock = segment.ClockCNTVCT
	needBarrier  = false
)
