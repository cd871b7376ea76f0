//go:build !race && ((linux && amd64) || arm64)

package trace

import "unsafe"

// haveStamps: the stores below are made where the clock is read, without a fence.
// On amd64 the freeze makes up for the missing fence with membarrier; on arm64 the stores are releases and the load of
// the epoch that follows is an acquire, which the architecture keeps in order.
const haveStamps = true

// stampBegin reads the clock, stores the ticks in p's second word, commits head as the first, and returns the ticks.
//
//go:noescape
func stampBegin(p unsafe.Pointer, head uint64) uint64

// stampEnd reads the clock, stores the ticks in p's third word and returns them.
//
//go:noescape
func stampEnd(p unsafe.Pointer) uint64
