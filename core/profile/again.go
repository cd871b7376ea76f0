package profile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/profiler"
)

// ExportRequest says how a recording is exported once more.
type ExportRequest struct {
	Profiler string // a profiler's name
}

// Export exports the recording of a profile that has ended with a profiler, which may be one that exported it before:
// then its artifacts are replaced, all at once, if the export succeeds. Meanwhile the profile is exporting. When ctx ends
// first the export goes on, and the view shows that. An export that fails is an error and leaves the artifacts as they
// were; the profile's row for the profiler says what happened.
func (m *Manager) Export(ctx context.Context, id string, r ExportRequest) (View, error) {
	x, err := m.findOffline(r.Profiler)
	if err != nil {
		return View{}, err
	}
	a, err := m.reserveExport(id, x)
	if err != nil {
		closeExporter(m, x)
		return View{}, err
	}
	select {
	case <-a.done:
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.look(a.p)
	select {
	case <-a.done:
		return v, a.err
	default:
		return v, nil
	}
}

func (m *Manager) findOffline(name string) (Exporter, error) {
	if name == "" {
		return nil, invalid("profiler", "name the profiler to export with")
	}
	x, err := m.offline(name)
	if err != nil {
		e := invalid("profiler", "%v", err)
		e.Err = err
		return nil, e
	}
	return x, nil
}

// again is one export of an ended profile.
type again struct {
	p      *entry
	x      Exporter
	before View // the profile as it was
	lock   *os.File
	segs   []string
	done   chan struct{}
	err    error // once done
}

// reserveExport takes the profile into the exporting state and has the export done in the background.
func (m *Manager) reserveExport(id string, x Exporter) (*again, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, &Error{Code: CodeShuttingDown, Message: "the server is shutting down and starts no exports"}
	}
	p, ok := m.entries[id]
	if !ok {
		return nil, notFound(id)
	}
	if state := p.view.State; !state.Final() {
		e := &Error{Code: CodeActive, ID: id, Message: fmt.Sprintf("profile %s is %s; stop it before it is exported again", id, state)}
		if state == StateExporting {
			e.Message = fmt.Sprintf("profile %s is exporting; wait for its end", id)
		}
		return nil, e
	}
	segs, err := segmentsIn(p.recordingDir())
	if err != nil {
		return nil, &Error{Code: CodeRecordingGone, ID: id, Err: err,
			Message: fmt.Sprintf("the recording of profile %s is gone (%v): there is nothing to export", id, err)}
	}
	lock, err := lockDir(p.dir)
	if err != nil {
		return nil, &Error{Code: CodeActive, ID: id, Err: err, Message: fmt.Sprintf("export profile %s: %v", id, err)}
	}
	a := &again{p: p, x: x, before: p.view.clone(), lock: lock, segs: segs, done: make(chan struct{})}
	p.done = a.done
	p.requests.Store(p.view.Requests)
	p.steps.Store(p.view.Steps)
	p.view = a.before.clone()
	p.view.State = StateExporting
	p.view.setExport(Export{Profiler: x.Name(), State: ExportRunning})
	v := m.look(p)
	m.work.Go(func() {
		m.logState(v)
		m.exportAgain(a)
	})
	return a, nil
}

// setExport puts the row of a profiler in its place, or at the end.
func (v *View) setExport(row Export) {
	i := slices.IndexFunc(v.Exports, func(e Export) bool { return e.Profiler == row.Profiler })
	if i < 0 {
		v.Exports = append(v.Exports, row)
		return
	}
	v.Exports[i] = row
}

// exportAgain exports and makes the profile final again.
func (m *Manager) exportAgain(a *again) {
	began := time.Now()
	var after View
	err := m.awaitTurn()
	if err == nil {
		after, err = m.replace(a, began)
		<-m.exporting
	}
	closeExporter(m, a.x)
	if err != nil {
		after = a.before.clone()
		row := Export{Profiler: a.x.Name(), State: ExportFailed, Error: err.Error(), Seconds: time.Since(began).Seconds()}
		after.setExport(row)
		m.log.Warn("profile lacks an export", logID, a.p.id, logProfiler, a.x.Name(), logError, err)
		a.err = &Error{Code: CodeProfilerFailed, ID: a.p.id, Culprits: []Culprit{{a.x.Name(), err}},
			Message: fmt.Sprintf("profile %s was not exported: %s; its artifacts are as they were", a.p.id, culpritText(Culprit{a.x.Name(), err}))}
		if werr := writeJSON(a.p.manifestPath(), after.stored()); werr != nil {
			m.log.Error("write a profile's manifest", logID, a.p.id, logError, werr)
		}
	}
	a.lock.Close()
	size := diskUse(a.p.dir)
	m.mu.Lock()
	after.keepMarks(a.p)
	a.p.view, a.p.size = after, size
	m.totals.addExport(after, a.x.Name(), a.before.Bytes)
	v := m.look(a.p)
	m.mu.Unlock()
	m.logState(v)
	close(a.done)
	m.retain()
}

// awaitTurn waits until no other profile is exported again: an export takes as much room again as what it replaces, and the
// bound on the disk counts one. The caller takes the token out of m.exporting.
func (m *Manager) awaitTurn() error {
	select {
	case m.exporting <- struct{}{}:
		return nil
	case <-m.closing.Done():
		return context.Cause(m.closing)
	}
}

// replace exports into a folder beside the artifacts and then puts the new ones in the place of the old ones. What comes
// back is the profile as it is then, on disk already.
func (m *Manager) replace(a *again, began time.Time) (View, error) {
	p, name := a.p, a.x.Name()
	s, err := newStaging(p.dir)
	if err != nil {
		return View{}, err
	}
	defer s.remove()
	others, taken := a.before.without(name)
	o := offline{exporter: a.x, recording: p.recordingDir(), since: a.before.since(), stopped: a.before.stopped(), segments: a.segs,
		openTimeout: m.o.StartTimeout, finishTimeout: patience * m.o.ExportTimeout, log: m.log,
		profile: profiler.Profile{ID: p.id, Dir: s.files(), Previous: p.dir, Model: a.before.Model, Label: a.before.Label, Started: a.before.StartedAt, Filter: a.before.filter(),
			MaxBytes: max(m.o.MaxBytes-others.Bytes, minShare), Host: m.host}}
	reply, _, err := o.run(m.closing)
	if err != nil {
		return View{}, err
	}
	made, err := acceptIn(s.files(), p.id, name, reply.Artifacts, taken)
	if err != nil {
		return View{}, err
	}
	after := others.with(made, reply, Export{Profiler: name, State: ExportComplete, Seconds: time.Since(began).Seconds()})
	if err := writeJSON(s.manifest(), after.stored()); err != nil {
		return View{}, err
	}
	if err := s.publish(p.dir, a.before, after); err != nil {
		return View{}, err
	}
	m.keepSummary(p, reply)
	return after, nil
}

// without is v without what a profiler made and said, and the names that the others' artifacts have.
func (v View) without(profiler string) (View, *names) {
	v = v.clone()
	v.Warnings = slices.DeleteFunc(v.Warnings, func(w string) bool { return strings.HasPrefix(w, profiler+": ") })
	taken := &names{}
	v.Artifacts = slices.DeleteFunc(v.Artifacts, func(a Artifact) bool {
		if a.Profiler == profiler {
			v.Bytes -= a.Bytes
			return true
		}
		_ = taken.take(a.Name, a.Profiler) // each has its own name
		return false
	})
	return v, taken
}

// with adds what a profiler made. A profile that had failed only for want of exports that are there now is complete.
func (v View) with(made []Artifact, reply wire.FinishReply, row Export) View {
	v.setExport(row)
	if !slices.Contains(v.Profilers, row.Profiler) {
		v.Profilers = append(v.Profilers, row.Profiler)
	}
	v.Artifacts = append(v.Artifacts, made...)
	for _, a := range made {
		v.Bytes += a.Bytes
	}
	v.Traces = []string{}
	for _, a := range v.Artifacts {
		v.Traces = append(v.Traces, a.Path)
	}
	v.warn([]exported{{row: row, reply: reply}})
	if v.State != StateFailed {
		return v
	}
	state, _ := v.verdict()
	if v.EndedBy == EndedByCrash && len(exportCulprits(v.Exports)) == 0 {
		state = StateRecovered
	}
	if state != StateFailed {
		v.State, v.Error = state, ""
	}
	return v
}

// keepSummary keeps the table that came with the export when the profile has none.
func (m *Manager) keepSummary(p *entry, reply wire.FinishReply) {
	m.summaries.Lock()
	defer m.summaries.Unlock()
	if _, err := readSummary(p.dir); !errors.Is(err, os.ErrNotExist) {
		return
	}
	if err := writeJSON(p.summaryPath(), reply.Table); err != nil {
		m.log.Warn("keep a profile's summary", logID, p.id, logError, err)
	}
}

// closeExporter ends an exporter that was made for one export.
func closeExporter(m *Manager, x Exporter) {
	c, ok := x.(interface{ Close(context.Context) error })
	if !ok {
		return
	}
	if res := bounded(context.WithoutCancel(m.base), m.log, m.o.StopTimeout, c.Close, nil); res.err != nil {
		m.log.Warn("end a profiler after its export", logProfiler, x.Name(), logError, res.err)
	}
}
