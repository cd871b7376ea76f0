package trace

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// How far ahead of the writers the keeper works, in bytes. Reserving is cheap and keeps events from being lost;
// populating costs memory and keeps writers from page faults. Writers that are faster than that double it.
const (
	reserveAhead  = 32 << 20
	populateAhead = 8 << 20
	mostAhead     = 8 // times that
	step          = 1 << 20
)

// keeper is the goroutine that serves a segment while it is current: it prepares space and takes clock pairs.
type keeper struct {
	r    *Recorder
	seg  *segmentFile
	more int64 // factor on how far ahead
	told bool  // that the segment's mark is reached
	quit atomic.Bool
	done chan struct{}
}

func keep(r *Recorder, s *segmentFile) *keeper {
	k := &keeper{r: r, seg: s, more: 1, done: make(chan struct{})}
	go k.run()
	return k
}

// stop ends the goroutine and waits for it.
func (k *keeper) stop() {
	k.quit.Store(true)
	k.seg.wake()
	<-k.done
}

func (k *keeper) run() {
	defer close(k.done)
	k.prepare()
	// Two early pairs give a reader a slope soon after the start.
	early := []time.Duration{5 * time.Millisecond, 45 * time.Millisecond}
	timer := time.NewTimer(early[0])
	defer timer.Stop()
	for !k.quit.Load() {
		select {
		case <-k.seg.kick:
			if k.seg.populated < k.seg.used() {
				k.more = min(2*k.more, mostAhead)
			}
			k.tell()
			k.prepare()
		case <-timer.C:
			k.seg.meta.pair(k.r.clock.pair())
			names.retry(&k.seg.meta)
			k.seg.full.Store(false) // room may have been made
			k.prepare()
			k.seg.counted.advance(k.seg)
			next := k.r.every
			if len(early) > 1 {
				early = early[1:]
				next = min(next, early[0])
			}
			timer.Reset(next)
		}
	}
}

// prepare reserves and populates ahead of the writers, as far as the bound and the disk allow. After some steps it
// leaves the rest for the next time, as clock pairs must not wait.
func (k *keeper) prepare() {
	s := k.seg
	for range 16 {
		if k.quit.Load() {
			return
		}
		used, reserved := s.used(), s.reserved.Load()
		if reserved < s.limit && reserved-used < k.more*reserveAhead && !s.full.Load() {
			if k.reserve(reserved) {
				continue
			}
			reserved = s.reserved.Load()
		}
		s.populated = max(s.populated, min(used, reserved)&^(step-1)) // writers were there first
		if s.populated < reserved && s.populated-used < k.more*k.seg.ahead {
			if s.populate(min(s.populated+min(step, s.ahead), reserved)) == nil {
				continue
			}
		}
		k.setWake(reserved)
		return
	}
	s.wake()
}

// setWake says at which position writers should kick: when half of what is ahead is used up.
func (k *keeper) setWake(reserved int64) {
	at := int64(math.MaxInt64)
	if reserved < k.seg.limit && !k.seg.full.Load() {
		at = reserved - k.more*reserveAhead/2
	}
	if k.seg.populated < reserved {
		at = min(at, k.seg.populated-k.more*k.seg.ahead/2)
	}
	if k.seg.mark != 0 && !k.told {
		at = min(at, k.seg.mark)
	}
	k.seg.wakeAt.Store(at)
}

// tell says once that the segment's mark is reached: the chunk that crosses it is being taken.
func (k *keeper) tell() {
	if k.seg.mark == 0 || k.told || k.seg.used()+segment.ChunkBytes <= k.seg.mark {
		return
	}
	k.told = true
	select {
	case k.seg.marked <- struct{}{}:
	default:
	}
}

// reserve takes one step, or as much as the disk has. It reports whether it got anything.
func (k *keeper) reserve(from int64) bool {
	for n := int64(8 * step); n >= 4*segment.ChunkBytes; n /= 4 {
		if k.seg.allot(min(from+n, k.seg.limit)) == nil {
			return true
		}
	}
	k.seg.full.Store(true)
	return false
}
