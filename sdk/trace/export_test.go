package trace

import (
	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// Clocks that tests choose.
const (
	ClockCounter   = counterClock
	ClockMonotonic = segment.ClockMonotonic
)

// Calibrate measures what a span costs, in picoseconds.
func Calibrate() uint32 { return calibrate() }

// RaceEnabled tells whether the race detector watches.
const RaceEnabled = raceEnabled

// NewWith makes a recorder with a clock of the given kind, and with segments on Go's heap if wanted.
func NewWith(o Options, clock uint8, heap bool) *Recorder {
	return newRecorder(o, newClock(clock), heap)
}

// Mapped is how many address ranges are mapped.
func Mapped() int64 { return mapped.Load() }

// Rotate swaps the current segment for a new one of the same recording.
func Rotate(r *Recorder, path string) (Stats, error) {
	r.life.Lock()
	defer r.life.Unlock()
	h := r.header
	h.Sequence++
	next, err := r.open(path, h)
	if err != nil {
		return Stats{}, err
	}
	r.header = h
	r.keeper.stop()
	old := r.swap(next)
	r.keeper = keep(r, next)
	return r.finish(old)
}

// Rewind makes a track write over its current chunk again when it is nearly full, so that a benchmark's memory is warm.
func Rewind(t *Track) {
	if t.stop-t.next < 512 {
		t.next = t.stop - segment.ChunkBytes + 2048
	}
}

// Counter reads the processor's counter alone.
func Counter() uint64 { return counter() }
