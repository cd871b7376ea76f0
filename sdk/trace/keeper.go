package trace

import (
	"sync/atomic"
	"time"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// reserveStep is how much is reserved at once, and the least that is kept ahead of the writers.
const reserveStep = 8 << 20

// populateStep bounds how long the keeper is away in one call.
const populateStep = 1 << 20

// mostAhead bounds how much is kept ahead of writers that were faster than the reserve.
const mostAhead = 64 << 20

// keeper is the goroutine that serves a segment while it is current: it reserves space and takes clock pairs.
type keeper struct {
	r     *Recorder
	seg   *segmentFile
	ahead int64
	quit  atomic.Bool
	done  chan struct{}
}

func keep(r *Recorder, s *segmentFile) *keeper {
	k := &keeper{r: r, seg: s, ahead: reserveStep, done: make(chan struct{})}
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
	k.reserve()
	// Two early pairs give a reader a slope soon after the start.
	early := []time.Duration{5 * time.Millisecond, 45 * time.Millisecond}
	timer := time.NewTimer(early[0])
	defer timer.Stop()
	for !k.quit.Load() {
		select {
		case <-k.seg.kick:
			if free := k.seg.reserved.Load() - k.seg.used(); free < k.ahead/4 {
				k.ahead = min(2*k.ahead, mostAhead)
			}
			k.reserve()
		case <-timer.C:
			k.seg.meta.pair(k.r.clock.pair())
			names.retry(&k.seg.meta)
			k.reserve()
			next := k.r.every
			if len(early) > 1 {
				early = early[1:]
				next = min(next, early[0])
			}
			timer.Reset(next)
		}
	}
}

// reserve keeps room ahead of the writers, as far as the bound and the disk allow.
func (k *keeper) reserve() {
	s := k.seg
	s.low.Store(k.ahead / 2)
	for !k.quit.Load() {
		reserved := s.reserved.Load()
		if reserved >= s.limit {
			s.low.Store(-1 << 62)
			return
		}
		if reserved-s.used() >= k.ahead {
			return
		}
		if !k.extend(reserved) {
			return
		}
	}
}

// extend reserves one step, or as much as the disk has. It reports whether it got anything.
func (k *keeper) extend(from int64) bool {
	for step := int64(populateStep); step >= 4*segment.ChunkBytes; step /= 4 {
		if k.seg.extend(min(from+step, k.seg.limit)) == nil {
			k.seg.full.Store(false)
			return true
		}
	}
	k.seg.full.Store(true)
	return false
}
