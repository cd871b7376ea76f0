package profile

import (
	"fmt"
	"slices"
	"strings"
)

// Bounds of a start.
const (
	maxLabel  = 200     // characters
	minShare  = 1 << 20 // bytes: the smallest segment
	maxStages = 1024
)

// plan checks a request and says who takes part.
func (m *Manager) plan(r StartRequest) (*entry, error) {
	if err := m.checkRequest(r); err != nil {
		return nil, err
	}
	p := &entry{req: r, done: make(chan struct{})}
	for _, rank := range m.o.Ranks {
		if len(r.Stages) == 0 || slices.Contains(r.Stages, rank.Stage()) {
			p.procs = append(p.procs, rank)
		}
	}
	names := r.Profilers
	if len(names) == 0 {
		names = m.o.Profilers
	}
	if len(names) == 0 {
		return nil, &Error{Code: CodeOff, Message: "profiling is off: no profiler is configured; name some in server.profilers"}
	}
	for _, name := range names {
		x, err := m.o.Exporter(name)
		if err != nil {
			e := invalid("profilers", "%v", err)
			e.Err = err
			return nil, e
		}
		p.exps = append(p.exps, x)
		if s := asMeasuring(x); s != nil {
			p.procs = append(p.procs, s)
		}
	}
	if m.o.Core != nil {
		p.procs = append(p.procs, m.o.Core)
	}
	p.perProc = m.o.MaxBytes / 2 / int64(max(len(p.procs), 1))
	p.perExp = m.o.MaxBytes / 2 / int64(len(p.exps))
	if p.perProc < minShare {
		e := invalid("profile.max_bytes", "%d bytes are too few for %d processes; at least %d are needed", m.o.MaxBytes, len(p.procs), 2*minShare*len(p.procs))
		return nil, e
	}
	return p, nil
}

// checkRequest checks the values that need no look-up.
func (m *Manager) checkRequest(r StartRequest) error {
	if err := checkLabel(r.Label); err != nil {
		return err
	}
	switch {
	case r.NumRequests < 0:
		return invalid("num_requests", "%d is negative", r.NumRequests)
	case r.Duration < 0:
		return invalid("duration_s", "%v is negative", r.Duration)
	case r.Duration > m.o.MaxDuration:
		return invalid("duration_s", "%v is longer than profile.max_duration, %v", r.Duration, m.o.MaxDuration)
	case r.checkOneShot() != nil:
		return r.checkOneShot()
	case len(r.Stages) > maxStages:
		return invalid("stages", "too many")
	}
	for i, name := range r.Profilers {
		if slices.Contains(r.Profilers[:i], name) {
			return invalid("profilers", "%q is named twice", name)
		}
	}
	return m.checkStages(r.Stages)
}

func (m *Manager) checkStages(stages []int) error {
	var known []string
	have := map[int]bool{}
	for _, rank := range m.o.Ranks {
		if !have[rank.Stage()] {
			have[rank.Stage()] = true
			known = append(known, fmt.Sprintf("%d (%s)", rank.Stage(), rank.StageName()))
		}
	}
	for _, s := range stages {
		if !have[s] {
			return invalid("stages", "there is no stage %d; the stages are %s", s, strings.Join(known, ", "))
		}
	}
	return nil
}
