package trace

import (
	"runtime"
	"sync"
	"time"
	"unsafe"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// The calibration writes batches of spans into scratch memory and takes the fastest: what disturbed the others is no
// cost of recording.
const (
	calibrationBytes = 256 << 10 // more than the first cache holds, as in a recording
	calibrationBatch = 256       // spans
	calibrationMost  = 32        // batches
	calibrationLimit = time.Millisecond
)

// eventCost is what a span with four typed arguments costs this process, begin and end, in picoseconds; 0 when the clock
// is too coarse to tell. It is measured once, in about a millisecond at most. Spans with fewer arguments, counters and instants cost less.
var eventCost = sync.OnceValue(calibrate)

func calibrate() uint32 {
	t, held := calibrationTrack(systemClock())
	defer runtime.KeepAlive(held)
	best, began := time.Duration(1<<62), time.Now()
	for i := 0; i < calibrationMost && (i < 2 || time.Since(began) < calibrationLimit); i++ {
		from := time.Now()
		for range calibrationBatch {
			t.BeginArgs(0, Int(0, 1), Float(0, 2), Bool(0, true), Text(0, 0)).End()
		}
		best = min(best, time.Since(from))
		if t.stop-t.next < calibrationBatch*(segment.SpanBytes+4*segment.ArgBytes) {
			t.next = 0
		}
	}
	return uint32(min(1000*best.Nanoseconds()/calibrationBatch, 1<<32-1))
}

// calibrationTrack writes into memory that is no segment's, which the caller keeps alive.
func calibrationTrack(c *clock) (*Track, []uint64) {
	r := newRecorder(Options{}, c, false)
	r.epoch = 1
	scratch := make([]uint64, calibrationBytes/8)
	t := r.Track("calibration")
	t.base, t.stop, t.epoch = unsafe.Pointer(&scratch[0]), calibrationBytes, r.epoch
	t.open = []openSpan{{args: make([]uint64, 0, 8)}}
	return t, scratch
}
