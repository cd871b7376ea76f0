package profile

import (
	"fmt"
	"time"
)

// Waiting is what a profile waits for that begins to record later. Both in turn: the time, then the steps.
type Waiting struct {
	// Until is when StartRequest.StartAfter is over; absent when there is none.
	Until *time.Time `json:"until,omitempty"`
	// Steps are the denoise steps that have to end before it records, counted from Until on; 0: none.
	Steps int `json:"steps,omitempty"`
	Seen  int `json:"steps_seen"` // of them so far
}

// waiter is a profile that begins to record later.
type waiter struct {
	woken   chan struct{} // closed when its end is asked for; under the manager's mutex
	reached chan struct{} // closed when all steps were seen
	seen    int           // steps so far, under the manager's mutex
	counts  bool          // steps count by now
}

// later tells whether the profile begins to record some time after its start.
func (r *StartRequest) later() bool { return r.StartAfter > 0 || r.StartStep > 0 }

// startLater has p begin to record when its time has come. Its ranks have to be up already.
func (m *Manager) startLater(p *entry) (View, error) {
	recs := make([]callResult, len(p.procs))
	for i, r := range p.procs {
		recs[i].err = down(r)
	}
	if err := m.startError(m.base, p, recs, nil, nil); err != nil {
		return View{}, err
	}
	if err := p.makeDir(); err != nil {
		return View{}, dirError("start a profile", err)
	}
	v := m.change(p, func(v *View) {
		v.Waiting = &Waiting{Steps: p.req.StartStep}
		if p.req.StartAfter > 0 {
			until := v.StartedAt.Add(p.req.StartAfter)
			v.Waiting.Until = &until
		}
	})
	if err := p.manifest.flush(); err != nil {
		return View{}, dirError("start a profile", err)
	}
	m.logState(v)
	m.work.Go(func() { m.waitAndRecord(p) })
	return v, nil
}

// waitAndRecord is the wait, and what comes after it.
func (m *Manager) waitAndRecord(p *entry) {
	by := m.await(p)
	if by != "" {
		m.endUnrecorded(p, by, nil)
		return
	}
	m.change(p, func(v *View) { v.Waiting, v.StartedAt = nil, time.Now().UTC() })
	if err := m.begin(m.base, p); err != nil {
		m.endUnrecorded(p, EndedByStart, err)
		return
	}
	m.record(p)
}

// await returns "" when it is time to record, else why the profile ends before. A profile whose client has vanished does
// not wait longer than a profile may take.
func (m *Manager) await(p *entry) EndedBy {
	if by := m.wantedEnd(p); by != "" {
		return by
	}
	limit := time.NewTimer(m.o.MaxDuration)
	defer limit.Stop()
	if p.req.StartAfter > 0 {
		timer := time.NewTimer(p.req.StartAfter)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-p.wait.woken:
			return m.wantedEnd(p)
		}
	}
	if p.req.StartStep == 0 {
		return ""
	}
	m.mu.Lock()
	p.wait.counts = true
	m.mu.Unlock()
	m.waiting.Store(p)
	defer m.waiting.CompareAndSwap(p, nil)
	select {
	case <-p.wait.reached:
		return ""
	case <-p.wait.woken:
		return m.wantedEnd(p)
	case <-limit.C:
		return EndedByMaxDuration
	}
}

func (m *Manager) wantedEnd(p *entry) EndedBy {
	m.mu.Lock()
	defer m.mu.Unlock()
	return p.wanted
}

// wake ends p's wait. Called with mu held.
func (p *entry) wake() {
	if p.wait == nil {
		return
	}
	select {
	case <-p.wait.woken:
	default:
		close(p.wait.woken)
	}
}

// endUnrecorded makes a profile final that did not come to record: failed when err says why.
func (m *Manager) endUnrecorded(p *entry, by EndedBy, err error) {
	now := time.Now().UTC()
	m.change(p, func(v *View) {
		v.EndedBy, v.StoppedAt, v.DurationS, v.Waiting = by, &now, 0, nil
		v.Warnings = append(v.Warnings, "the profile ended before it began to record: "+p.waitText())
		v.Exports = []Export{}
	})
	p.startErr = err
	m.conclude(p, nil)
}

// waitText says what the profile waited for.
func (p *entry) waitText() string {
	text := ""
	if p.req.StartAfter > 0 {
		text = fmt.Sprintf("start_after_s was %g", p.req.StartAfter.Seconds())
	}
	if p.req.StartStep > 0 {
		if text != "" {
			text += ", then "
		}
		text += fmt.Sprintf("start_step was %d and %d steps were seen", p.req.StartStep, p.wait.seen)
	}
	return text
}

// CountSteps tells of denoise steps that have ended in a rank of a stage. It hardly ever waits, and never long.
func (m *Manager) CountSteps(stage, n int) {
	if p := m.waiting.Load(); p != nil && p.takes(stage) {
		m.countWaiting(p, n)
	}
	p := m.current.Load()
	if p == nil || !p.takes(stage) {
		return
	}
	after := p.steps.Add(int64(n))
	if limit := int64(p.req.NumSteps); limit > 0 && after >= limit && after-int64(n) < limit {
		m.end(p, EndedByNumSteps)
	}
}

func (m *Manager) countWaiting(p *entry, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !p.wait.counts || p.wait.seen >= p.req.StartStep {
		return
	}
	if p.wait.seen += n; p.wait.seen >= p.req.StartStep {
		close(p.wait.reached)
	}
	if p.view.Waiting != nil {
		p.view.Waiting = &Waiting{Until: p.view.Waiting.Until, Steps: p.req.StartStep, Seen: p.wait.seen}
	}
}

// prepare makes p's directory, unless startLater has.
func (m *Manager) prepare(p *entry) error {
	if p.wait != nil {
		return nil
	}
	if err := p.makeDir(); err != nil {
		return dirError("start a profile", err)
	}
	m.logState(m.change(p, func(*View) {})) // the manifest is written meanwhile
	return nil
}
