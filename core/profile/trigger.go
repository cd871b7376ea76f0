package profile

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Kinds of trigger.
const (
	TriggerSlow  = "slow"  // a request took longer than SlowerThan
	TriggerP99   = "p99"   // a request took longer than Factor times the moving 99th percentile
	TriggerError = "error" // a request failed, not by its caller's fault
	TriggerDeath = "death" // a process died
)

// triggered tells whether a trigger made the profile, or a crash did.
func (v *View) triggered() bool {
	switch v.Trigger {
	case TriggerSlow, TriggerP99, TriggerError, TriggerDeath, TriggerCrash:
		return true
	}
	return false
}

// keepTriggered is how many of those are kept.
func (m *Manager) keepTriggered() int {
	if m.o.Flight == nil || m.o.Flight.Keep <= 0 {
		return DefaultFlightKeep
	}
	return m.o.Flight.Keep
}

// Trigger makes a snapshot by itself.
type Trigger struct {
	Kind        string
	SlowerThan  time.Duration // of TriggerSlow
	Factor      float64       // of TriggerP99
	After       time.Duration // how much of what follows the snapshot holds too
	MinInterval time.Duration // from one snapshot of the trigger to the next, at least; 1 min when zero
}

// Bounds of the moving percentile: of so many requests, known after so many, computed again after so many more.
const (
	percentileOf    = 1000
	percentileAfter = 100
	percentileEvery = 16
)

// trigger is a Trigger at work.
type trigger struct {
	Trigger
	deck *deck

	mu      sync.Mutex
	last    time.Time // when it last made a snapshot; zero: never
	skipped int       // since, for the log

	totals  []time.Duration // of the last requests, a ring
	next    int
	fresh   int           // since p99 was computed
	p99     time.Duration // 0: not known yet
	started bool          // a snapshot waits for After to pass
}

func newTrigger(d *deck, t Trigger) *trigger {
	defaultTo(&t.MinInterval, time.Minute)
	return &trigger{Trigger: t, deck: d}
}

// Request is how a request went.
type Request struct {
	Total   time.Duration // from arrival to the end
	Outcome Outcome
	Why     string // of a failure, for people: "failed", "timeout"
}

// Outcome of a request.
type Outcome uint8

// Outcomes.
const (
	OutcomeOK     Outcome = iota
	OutcomeFailed         // not by its caller's fault
	OutcomeOther          // refused, cancelled
)

// ObserveRequest tells the triggers of a request that has ended. It never waits.
func (m *Manager) ObserveRequest(r Request) {
	if m.flight == nil {
		return
	}
	for _, t := range m.flight.triggers {
		if reason := t.reason(r); reason != "" {
			t.fire(reason)
		}
	}
}

// reason is why a request makes the trigger go off; empty when it does not.
func (t *trigger) reason(r Request) string {
	total := r.Total.Round(time.Millisecond)
	switch t.Kind {
	case TriggerSlow:
		if r.Total > t.SlowerThan {
			return fmt.Sprintf("a request took %v, longer than %v", total, t.SlowerThan)
		}
	case TriggerP99:
		if p99 := t.percentile(r); p99 > 0 && float64(r.Total) > t.Factor*float64(p99) {
			return fmt.Sprintf("a request took %v, more than %v times the 99th percentile, %v", total, t.Factor, p99.Round(time.Millisecond))
		}
	case TriggerError:
		if r.Outcome == OutcomeFailed {
			return fmt.Sprintf("a request failed after %v: %s", total, r.Why)
		}
	}
	return ""
}

// percentile is the 99th of the requests before this one that went well, and takes this one in.
func (t *trigger) percentile(r Request) time.Duration {
	if r.Outcome != OutcomeOK {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.p99
	if len(t.totals) < percentileOf {
		t.totals = append(t.totals, r.Total)
	} else {
		t.totals[t.next] = r.Total
		t.next = (t.next + 1) % percentileOf
	}
	t.fresh++
	if n := len(t.totals); n >= percentileAfter && (t.p99 == 0 || t.fresh >= percentileEvery) {
		sorted := slices.Sorted(slices.Values(t.totals))
		t.p99, t.fresh = sorted[(n*99-1)/100], 0
	}
	return before
}

// fire lets the triggers of a kind go off.
func (d *deck) fire(kind, reason string) {
	for _, t := range d.triggers {
		if t.Kind == kind {
			t.fire(reason)
		}
	}
}

// fire makes a snapshot when After has passed, unless the last one is too young.
func (t *trigger) fire(reason string) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.started || !t.last.IsZero() && now.Sub(t.last) < t.MinInterval {
		t.skipped++
		return
	}
	d := t.deck
	d.m.mu.Lock()
	closed := d.m.closed
	if !closed {
		d.work.Add(1)
	}
	d.m.mu.Unlock()
	if closed {
		return
	}
	skipped := t.skipped
	t.started, t.last, t.skipped = true, now, 0
	go func() {
		defer d.work.Done()
		t.snapshot(reason, skipped)
	}()
}

func (t *trigger) snapshot(reason string, skipped int) {
	d := t.deck
	timer := time.NewTimer(t.After)
	defer timer.Stop()
	defer func() {
		t.mu.Lock()
		t.started = false
		t.mu.Unlock()
	}()
	select {
	case <-timer.C:
	case <-d.m.closing.Done():
		return
	}
	v, err := d.m.Snapshot(d.m.closing, SnapshotRequest{Label: clipLabel(t.Kind + ": " + reason), Trigger: t.Kind})
	if err != nil {
		d.m.log.Warn("a trigger went off without a snapshot", "trigger", t.Kind, "reason", reason, logError, err)
		return
	}
	d.m.log.Info("trigger", "trigger", t.Kind, "reason", reason, logID, v.ID, "skipped_before", skipped)
}

// clipLabel makes a text fit for a label.
func clipLabel(s string) string {
	if r := []rune(s); len(r) > maxLabel {
		return string(r[:maxLabel])
	}
	return s
}

// longestAfter is the largest After of the triggers.
func (d *deck) longestAfter() time.Duration {
	if len(d.triggers) == 0 {
		return 0
	}
	return slices.MaxFunc(d.triggers, func(a, b *trigger) int { return cmp.Compare(a.After, b.After) }).After
}
