package catalog

import (
	"errors"
	"fmt"
	"time"
)

// ErrBroken says that a plugin has died so often that it is left down: until somebody restarts it, or for a while.
var ErrBroken = errors.New("it died too often and stays down")

// Restarts say when a plugin that keeps dying is left alone. Zero means the default.
type Restarts struct {
	Deaths int           // within Window; 5
	Window time.Duration // 2 min
	Rest   time.Duration // until it is tried once more; 5 min
}

func (r Restarts) withDefaults() Restarts {
	if r.Deaths <= 0 {
		r.Deaths = 5
	}
	if r.Window <= 0 {
		r.Window = 2 * time.Minute
	}
	if r.Rest <= 0 {
		r.Rest = 5 * time.Minute
	}
	return r
}

// breaker counts the deaths of one process and its successors, failed starts among them. It belongs to whoever holds its
// owner's lock.
type breaker struct {
	limits Restarts
	recent []time.Time // deaths within the window
	until  time.Time   // when it may be tried again; zero: now
	tried  bool        // that time has come, and nothing has lived since
}

// died counts a death and tells whether the plugin is to be left down.
func (b *breaker) died(now time.Time) bool {
	kept := b.recent[:0]
	for _, at := range b.recent {
		if now.Sub(at) < b.limits.Window {
			kept = append(kept, at)
		}
	}
	b.recent = append(kept, now)
	if b.tried || len(b.recent) >= b.limits.Deaths {
		b.until, b.tried, b.recent = now.Add(b.limits.Rest), true, nil
		return true
	}
	return false
}

// broken is an error while the plugin is to be left down; why is its last death.
func (b *breaker) broken(now time.Time, why error) error {
	if !now.Before(b.until) {
		return nil
	}
	return fmt.Errorf("%w (%d times within %s): the next try is at %s, `strobe plugin restart` makes one now: %w",
		ErrBroken, b.limits.Deaths, b.limits.Window, b.until.Format(time.TimeOnly), why)
}

// lived forgets that the last tries failed: the process was up for longer than the window.
func (b *breaker) lived() { b.tried, b.recent = false, nil }

// reset makes everything as it was at the beginning.
func (b *breaker) reset() { *b = breaker{limits: b.limits} }
