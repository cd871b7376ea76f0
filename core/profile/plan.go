package profile

import (
	"slices"
)

// Bounds of a start.
const (
	maxLabel  = 200     // characters
	minShare  = 1 << 20 // bytes: the smallest segment
	maxStages = 1024
)

// plan checks a request and says who takes part.
func (m *Manager) plan(r StartRequest) (*entry, error) {
	if err := m.checkRequest(&r); err != nil {
		return nil, err
	}
	p := &entry{req: r, done: make(chan struct{})}
	if r.later() {
		p.wait = &waiter{woken: make(chan struct{}), reached: make(chan struct{})}
	}
	for _, rank := range m.o.Ranks {
		if p.takes(rank.Stage()) && (len(r.Ranks) == 0 || slices.Contains(r.Ranks, rank.Rank())) {
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
	return p, m.share(p)
}

// takes tells whether ranks of a stage are recorded.
func (p *entry) takes(stage int) bool {
	return len(p.req.Stages) == 0 || slices.Contains(p.req.Stages, stage)
}

// share splits the profile's bytes: half between the processes that record, half between those who write artifacts.
func (m *Manager) share(p *entry) error {
	bytes, param := m.o.MaxBytes, "profile.max_bytes"
	if p.req.MaxBytes > 0 {
		bytes, param = p.req.MaxBytes, "max_bytes"
	}
	processes, writers := int64(max(len(p.procs), 1)), int64(len(p.exps))
	if slices.Contains(p.req.Activities, ActivityPprof) {
		writers++
		p.perCPU = bytes / 2 / writers / processes
	}
	p.perProc, p.perExp = bytes/2/processes, bytes/2/writers
	if p.perProc < minShare {
		return invalid(param, "%d bytes are too few for %d processes; at least %d are needed", bytes, processes, 2*minShare*processes)
	}
	return nil
}
