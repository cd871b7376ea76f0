package engine

import (
	"container/list"
	"context"
	"errors"
	"time"

	"github.com/strobe-dev/strobe/sdk/trace"
)

var (
	counterQueue    = trace.NameIn(trace.CategoryCounter, "queue")
	counterInFlight = trace.NameIn(trace.CategoryCounter, "in_flight")
)

// stage is a Stage with its scheduling state, which the engine's mutex guards.
type stage struct {
	Stage
	label   trace.NameID // the name, for spans
	slots   []*slot
	waiters list.List     // of *waiter, first come first
	service time.Duration // moving mean of a request's time on a rank
	turns   uint64        // grants so far
}

// slot is a rank and whether it is taken.
type slot struct {
	rank Rank
	busy bool
	last uint64 // the stage's turn at which the rank was last taken
}

// waiter is a request in a stage's queue. Exactly one answer is sent, or the waiter is removed.
type waiter struct {
	answer chan answer // holds one
	place  *list.Element
}

type answer struct {
	slot *slot
	err  error
}

func newStage(s Stage) *stage {
	st := &stage{Stage: s, label: trace.Name(s.Name)}
	for _, r := range s.Ranks {
		st.slots = append(st.slots, &slot{rank: r})
	}
	return st
}

// acquire gets a rank of the stage, waiting for one in turn. admit: the request is new to the engine, it may be
// refused, and when acquire succeeds it counts as admitted until leave.
func (e *Engine) acquire(ctx context.Context, s *stage, admit bool) (*slot, error) {
	if ctx.Err() != nil {
		return nil, stageError(ctx, s)
	}
	sl, w, err := e.join(s, admit)
	if err != nil || sl != nil {
		return sl, err
	}
	select {
	case a := <-w.answer:
		err, sl = a.err, a.slot
	case <-ctx.Done():
		err = e.withdraw(ctx, s, w)
	}
	if err != nil && admit {
		e.leave()
	}
	return sl, err
}

// join takes an idle rank or a place in the queue.
func (e *Engine) join(s *stage, admit bool) (*slot, *waiter, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if admit && e.draining {
		return nil, nil, ErrDraining
	}
	e.pump(s)
	sl, err := s.idle()
	if err != nil {
		return nil, nil, err
	}
	if admit {
		waiting := e.waiting
		if sl == nil {
			waiting++
		}
		if waiting > e.o.QueueSize {
			return nil, nil, &QueueFullError{Waiting: e.waiting, RetryAfter: e.retryAfter()}
		}
		e.admitted++
	}
	if sl != nil {
		s.take(sl)
		e.count()
		return sl, nil, nil
	}
	w := &waiter{answer: make(chan answer, 1)}
	w.place = s.waiters.PushBack(w)
	e.waiting++
	e.count()
	return nil, w, nil
}

// withdraw takes a waiter whose context ended out of the queue, and gives back what it may have got meanwhile.
func (e *Engine) withdraw(ctx context.Context, s *stage, w *waiter) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case a := <-w.answer:
		if a.slot != nil {
			a.slot.busy = false
			e.pump(s)
		}
	default:
		s.waiters.Remove(w.place)
		e.waiting--
	}
	e.count()
	return stageError(ctx, s)
}

// release gives a rank back; took is how long a request that succeeded kept it, 0 for one that did not.
func (e *Engine) release(s *stage, sl *slot, took time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	sl.busy = false
	switch {
	case took <= 0:
	case s.service == 0:
		s.service = took
	default:
		s.service += (took - s.service) / 8
	}
	e.pump(s)
	e.count()
}

// leave ends a request's admission.
func (e *Engine) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.admitted--
	e.count()
	e.closeIfDrained()
}

// pump gives idle ranks to those who wait, in turn. When every rank is down all of them hear it.
func (e *Engine) pump(s *stage) {
	for s.waiters.Len() > 0 {
		sl, err := s.idle()
		if sl == nil && err == nil {
			return
		}
		w := s.waiters.Remove(s.waiters.Front()).(*waiter)
		e.waiting--
		if sl != nil {
			s.take(sl)
		}
		w.answer <- answer{slot: sl, err: err}
	}
}

// idle is the least loaded rank: of those that are up and free, the one that was taken longest ago. Nil when all that
// are up are busy; an error when none is up.
func (s *stage) idle() (*slot, error) {
	var best *slot
	var errs []error
	for _, sl := range s.slots {
		if err := sl.rank.Err(); err != nil {
			errs = append(errs, &RankError{Stage: s.Name, Rank: sl.rank.Rank(), Plugin: s.Plugin, Err: err})
			continue
		}
		if !sl.busy && (best == nil || sl.last < best.last) {
			best = sl
		}
	}
	if len(errs) < len(s.slots) {
		return best, nil
	}
	switch len(errs) {
	case 0:
		return nil, &RankError{Stage: s.Name, Rank: -1, Plugin: s.Plugin, Err: errors.New("the stage has no ranks")}
	case 1:
		return nil, errs[0]
	default:
		return nil, &RankError{Stage: s.Name, Rank: -1, Plugin: s.Plugin, Err: errors.Join(errs...)}
	}
}

func (s *stage) take(sl *slot) {
	s.turns++
	sl.busy, sl.last = true, s.turns
}

// count records the counters. Called with mu held, which makes the track's writer one at a time.
func (e *Engine) count() {
	e.track.Count(counterQueue, int64(e.waiting))
	e.track.Count(counterInFlight, int64(e.admitted-e.waiting))
}

// retryAfter is when half of the queue will have been served: the slowest stage sets the pace. Called with mu held.
func (e *Engine) retryAfter() time.Duration {
	const least, most = time.Second, 10 * time.Minute
	var pace time.Duration // between two requests that end
	for _, s := range e.stages {
		up := 0
		for _, sl := range s.slots {
			if sl.rank.Err() == nil {
				up++
			}
		}
		pace = max(pace, s.service/time.Duration(max(up, 1)))
	}
	wait := pace * time.Duration(e.waiting+1) / 2
	return min(max(wait.Round(time.Second), least), most)
}
