package profile

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Stop ends the profile called id, or the active one when id is empty, and returns its result. A profile that has ended
// already gives its result, however it ended. When ctx ends first the profile goes on to its end by itself, and the
// view shows how far it is.
func (m *Manager) Stop(ctx context.Context, id string) (View, error) {
	p, err := m.find(id)
	if err != nil {
		return View{}, err
	}
	m.end(p, EndedByStop)
	select {
	case <-m.ended(p):
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries[p.id] != p && !p.view.State.Final() { // its start failed while this waited
		if id == "" {
			return View{}, noActive()
		}
		return View{}, notFound(id)
	}
	v := m.look(p)
	if m.uncollected == p && v.State.Final() {
		m.uncollected = nil
	}
	return v, nil
}

func (m *Manager) find(id string) (*entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if id == "" {
		if m.active == nil {
			return nil, noActive()
		}
		return m.active, nil
	}
	p, ok := m.entries[id]
	if !ok {
		return nil, notFound(id)
	}
	return p, nil
}

// end has p finished in the background, as soon as it has started. Only the first call does anything.
func (m *Manager) end(p *entry, by EndedBy) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch p.view.State {
	case StateStarting:
		defaultTo(&p.wanted, by)
		p.wake()
		return
	case StateRecording:
	default:
		return
	}
	m.current.CompareAndSwap(p, nil)
	m.prompts.set(false)
	p.timer.Stop()
	p.view.State, p.view.EndedBy = StateStopping, by
	v := m.look(p)
	p.manifest.save(v)
	m.work.Go(func() {
		m.logState(v)
		m.finish(p)
	})
}

// finish takes p from stopping to its end.
func (m *Manager) finish(p *entry) {
	stopped := m.stopAll(p)
	exports := m.exportAll(p, stopped)
	m.conclude(p, exports)
}

// stopAll stops the ranks, and the profilers that measure, at once, then core, so that core's last clock pair is younger than any event. It returns
// when the recording ended.
func (m *Manager) stopAll(p *entry) time.Time {
	n := len(p.procs)
	rows, notes := make([]Process, n), make([][]string, n)
	if m.o.Core != nil {
		n--
	}
	var cpu sync.WaitGroup
	cpu.Go(func() { m.stopCPU(p) })
	each(n, func(i int) { rows[i], notes[i] = m.stopRecorder(p, i) })
	if n < len(rows) {
		rows[n], notes[n] = m.stopRecorder(p, n)
	}
	cpu.Wait()
	stopped := time.Now().UTC()
	m.change(p, func(v *View) {
		v.State = StateExporting
		v.StoppedAt = &stopped
		v.DurationS = stopped.Sub(v.StartedAt).Seconds()
		v.Processes = rows
		v.Warnings = append(v.Warnings, p.warnings()...)
		for i, r := range p.procs {
			v.warnOf(r, notes[i]) // those of its start are there already
		}
		v.sum()
	})
	return stopped
}

// stopRecorder is the row of process i once it has stopped, and what the process says is missing.
func (m *Manager) stopRecorder(p *entry, i int) (Process, []string) {
	m.mu.Lock()
	row := p.view.Processes[i]
	m.mu.Unlock()
	r := p.procs[i]
	res := callResult{err: down(r)}
	got := make(chan trace.Stats, 1) // not a variable: a call that is given up may still write it
	stop := bounded(m.base, m.log, m.o.StopTimeout, func(ctx context.Context) error {
		s, err := r.StopRecording(ctx) // one that is down is told, too, lest its successor record on
		got <- s
		return err
	}, nil)
	if res.err == nil {
		res = stop
	}
	if res.err != nil {
		row.Error = fmt.Errorf("stop recording: %w", res.err).Error()
		var exit *wire.ExitError
		if down(r) != nil || errors.As(res.err, &exit) {
			row.Ended = ProcessDied
		}
		m.log.Warn("profile lacks a process's end", logID, p.id, logProcess, r.Label(), logStage, r.Stage(), logRank, r.Rank(), logError, res.err)
		return row, nil
	}
	stats := <-got
	row.Ended = ProcessStopped
	row.Events, row.Bytes, row.Losses = stats.Events, stats.Bytes, lossesOf(stats.Lost)
	row.Cost = recording.EstimateCost(row.Events, row.Bytes, stats.EventNs, 0, 0) // the shares come with the sum
	return row, stats.Notes
}

// sum totals the processes' and artifacts' figures.
func (v *View) sum() {
	v.Events, v.Bytes, v.Losses = 0, 0, Losses{}
	v.sumCost()
	for _, p := range v.Processes {
		v.Events += p.Events
		v.Bytes += p.Bytes
		v.Losses.add(p.Losses)
	}
	for _, a := range v.Artifacts {
		v.Bytes += a.Bytes
	}
}

// sumCost brings what recording cost up to date.
func (v *View) sumCost() {
	recorded, cores := time.Duration(v.DurationS*float64(time.Second)), runtime.NumCPU()
	costs := make([]*recording.Cost, len(v.Processes))
	for i := range v.Processes {
		p := &v.Processes[i]
		if p.Cost != nil {
			p.Cost = recording.EstimateCost(p.Events, p.Bytes, p.Cost.NsPerEvent, recorded, cores)
			costs[i] = p.Cost
		}
	}
	v.Cost = recording.SumCosts(costs, recorded, cores)
}

// conclude makes the result of the active profile, and lets the next one start.
func (m *Manager) conclude(p *entry, exports []exported) {
	m.mu.Lock()
	final := m.look(p)
	m.mu.Unlock()
	final.conclude(exports)
	final.addCPU(p)
	if p.startErr != nil {
		final.State, final.Error = StateFailed, p.startErr.Error()
	}
	m.finalize(p, final, exports)
}

// finalize writes the result down, makes the profile final and tells who waits for that.
func (m *Manager) finalize(p *entry, final View, exports []exported) {
	m.saveSummary(p, &final, exports)
	m.write(p, &final)
	size := diskUse(p.dir)
	free, known := m.free()
	m.mu.Lock()
	final.keepMarks(p)
	p.view, p.size = final, size
	if m.active == p { // else it is of a server before
		m.active = nil
		if p.snapshot == nil && !p.req.oneShot() {
			m.uncollected = p // until a Stop that waits for it has answered
		}
	}
	m.totals.add(final)
	victims := m.surplus(time.Now(), free, known)
	done := p.done // whoever exports the profile again puts another in its place
	m.mu.Unlock()
	m.logEnd(final)
	close(done)
	m.removeAll(victims)
}

// write puts the result into the manifest and gives the directory free. An error is a warning in v.
func (m *Manager) write(p *entry, v *View) {
	p.manifest.save(*v)
	if err := p.manifest.flush(); err != nil {
		v.Warnings = append(v.Warnings, "the manifest was not written: "+err.Error())
		m.log.Error("write a profile's manifest", logID, p.id, logError, err)
	}
	p.unlock()
}

// logEnd writes the one line that a profile's end gets.
func (m *Manager) logEnd(v View) {
	m.log.Info("profile", logID, v.ID, logState, string(v.State), "ended_by", string(v.EndedBy),
		"requests", v.Requests, "files", len(v.Artifacts), "bytes", v.Bytes, "events", v.Events,
		"lost", v.Losses.Total, "seconds", v.DurationS, logError, v.Error)
}
