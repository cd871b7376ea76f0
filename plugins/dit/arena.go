package dit

import (
	"fmt"
	"unsafe"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// Names of the arguments of a [memory] instant, as Kineto has them.
var (
	nameMemory     = trace.NameIn(trace.CategoryMemory, "[memory]")
	keyAddr        = trace.Name("Addr")
	keyBytes       = trace.Name("Bytes")
	keyAllocated   = trace.Name("Total Allocated")
	keyReserved    = trace.Name("Total Reserved")
	keyDeviceType  = trace.Name("Device Type")
	keyDeviceID    = trace.Name("Device Id")
	arenaAlignment = 16 // floats: a cache line
)

// arena hands out the float32 buffers of one request from one slab, which it keeps between requests: in the steady state nothing is
// allocated. Every buffer taken and given back is an instant on the track. Not safe for concurrent use.
type arena struct {
	track  *trace.Track
	slab   []float32
	used   int   // floats
	peak   int64 // bytes
	blocks [][]float32
}

// reserve makes room for floats in all and starts counting the peak anew. Nothing may be in use.
func (a *arena) reserve(floats int) {
	if a.used != 0 {
		panic("dit: arena reserved while in use")
	}
	if floats > len(a.slab) {
		a.slab = nil // let the collector have the old one first
		a.slab = make([]float32, floats)
	}
	a.peak = 0
}

// aligned is how many floats of the slab a buffer of n floats takes.
func aligned(n int) int { return (n + arenaAlignment - 1) / arenaAlignment * arenaAlignment }

// take returns a buffer of n floats with unspecified contents.
func (a *arena) take(n int) []float32 {
	size := aligned(n)
	if a.used+size > len(a.slab) {
		panic(fmt.Sprintf("dit: arena of %d floats cannot give %d more after %d", len(a.slab), n, a.used))
	}
	b := a.slab[a.used : a.used+size : a.used+size]
	a.used += size
	a.blocks = append(a.blocks, b)
	a.peak = max(a.peak, a.allocated())
	a.record(b, int64(4*size))
	return b[:n]
}

// releaseAll gives every buffer back, last taken first.
func (a *arena) releaseAll() {
	for i := len(a.blocks) - 1; i >= 0; i-- {
		b := a.blocks[i]
		a.used -= len(b)
		a.record(b, -int64(4*len(b)))
	}
	a.blocks = a.blocks[:0]
}

// allocated is the number of bytes in use.
func (a *arena) allocated() int64 { return 4 * int64(a.used) }

func (a *arena) record(b []float32, bytes int64) {
	a.track.If(trace.CategoryMemory).Instant(nameMemory,
		trace.Int(keyAddr, int64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))),
		trace.Int(keyBytes, bytes),
		trace.Int(keyAllocated, a.allocated()),
		trace.Int(keyReserved, 4*int64(len(a.slab))),
		trace.Int(keyDeviceType, 0),
		trace.Int(keyDeviceID, -1))
}
