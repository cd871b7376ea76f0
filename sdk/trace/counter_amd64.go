package trace

import "github.com/strobe-dev/strobe/sdk/internal/segment"

// counter reads the time stamp counter.
func counter() uint64

func cpuid(leaf uint32) (a, b, c, d uint32)

// invariantCounter says that the counter ticks at one rate in every state of the processor (CPUID 80000007, EDX bit 8).
// Whether all processors agree only the kernel knows: see trustCounter.
func invariantCounter() bool {
	const features, invariant = 0x8000_0007, 1 << 8
	if highest, _, _, _ := cpuid(0x8000_0000); highest < features {
		return false
	}
	_, _, _, d := cpuid(features)
	return d&invariant != 0
}

const (
	counterClock = segment.ClockTSC
	// needBarrier: a store may still be on its way when a later load is done.
	needBarrier = true
)
