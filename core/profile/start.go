package profile

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Start begins a profile. When it returns without an error, every process records and every profiler follows; with
// one, an *[Error] that names each culprit, nothing does. When ctx ends first the start is rolled back.
func (m *Manager) Start(ctx context.Context, r StartRequest) (View, error) {
	p, err := m.plan(r)
	if err != nil {
		return View{}, err
	}
	if !r.oneShot() { // a request does not wait for the profile of another
		m.awaitSnapshot(ctx)
	}
	if err := m.makeRoom(); err != nil {
		return View{}, err
	}
	if err := m.reserve(p); err != nil {
		return View{}, err
	}
	if p.wait != nil {
		v, err := m.startLater(p)
		if err != nil {
			m.drop(p)
		}
		return v, err
	}
	if err := m.begin(ctx, p); err != nil {
		m.drop(p)
		return View{}, err
	}
	return m.record(p), nil
}

// reserve makes p the active profile, or says which one is.
func (m *Manager) reserve(p *entry) error {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return &Error{Code: CodeShuttingDown, Message: "the server is shutting down and starts no profiles"}
	}
	if a := m.active; a != nil {
		return &Error{Code: CodeActive, ID: a.id,
			Message: fmt.Sprintf("profile %s is %s; one runs at a time: stop it or wait for its end", a.id, a.view.State)}
	}
	for p.id = newID(now); m.entries[p.id] != nil; p.id = newID(now) {
	}
	p.dir = filepath.Join(m.dir, p.id)
	p.live.dir = p.dir
	p.manifest = newManifest(p.dir)
	p.view = m.firstView(p, now)
	m.entries[p.id] = p
	m.active = p
	if p.snapshot == nil && !p.req.oneShot() {
		m.uncollected = nil
	}
	return nil
}

func (m *Manager) firstView(p *entry, now time.Time) View {
	v := View{ID: p.id, State: StateStarting, Model: m.o.Model, Label: p.req.Label, StartedAt: now.UTC(), Options: p.req.chosen(), Trigger: p.req.Trigger}
	for _, r := range p.procs {
		v.Processes = append(v.Processes, m.row(r))
	}
	for _, x := range p.exps {
		v.Profilers = append(v.Profilers, x.Name())
		v.Exports = append(v.Exports, Export{Profiler: x.Name(), State: ExportRunning})
	}
	return v
}

// begin starts every recorder and profiler at once. On an error those that started are stopped again.
func (m *Manager) begin(ctx context.Context, p *entry) error {
	if err := m.prepare(p); err != nil {
		return err
	}
	recs := make([]callResult, len(p.procs))
	p.told = make([][]string, len(p.procs))
	opens := make([]callResult, len(p.exps))
	var saved error
	each(len(p.procs)+len(p.exps)+1, func(i int) {
		switch n := len(p.procs); {
		case i < n:
			recs[i] = m.startRecorder(ctx, p, i)
		case i < n+len(p.exps):
			opens[i-n] = m.openExporter(ctx, p, p.exps[i-n])
		default:
			saved = p.manifest.flush()
		}
	})
	err := m.startError(ctx, p, recs, opens, saved)
	if err != nil {
		m.undo(p, recs, opens)
	}
	return err
}

// errDown wraps why a rank is not up.
type errDown struct{ error }

func (e errDown) Unwrap() error { return e.error }

// down is why a rank is not up, or nil; recorders that cannot tell are up.
func down(r Recorder) error {
	if r, ok := r.(interface{ Err() error }); ok {
		if err := r.Err(); err != nil {
			return errDown{err}
		}
	}
	return nil
}

func (m *Manager) startRecorder(ctx context.Context, p *entry, i int) callResult {
	r := p.procs[i]
	if _, ok := r.(*measuring); ok { // its Open begins it
		return callResult{}
	}
	if err := down(r); err != nil {
		return callResult{err: err}
	}
	s := trace.Start{Path: filepath.Join(p.recordingDir(), segment(r)), MaxBytes: p.perProc, Process: m.processOf(r),
		Categories: categoriesOf(p.req.Activities), Control: m.o.Control}
	return bounded(ctx, m.log, m.o.StartTimeout,
		func(ctx context.Context) error {
			notes, err := m.startAfresh(ctx, p, r, s)
			m.mu.Lock()
			defer m.mu.Unlock()
			p.told[i] = notes
			return err
		},
		func() { m.undoRecorder(p, r) })
}

// startAfresh starts a recording. One that still runs is of a start that was given up and reached the process late: no
// other profile is active. It is stopped.
func (m *Manager) startAfresh(ctx context.Context, p *entry, r Recorder, s trace.Start) ([]string, error) {
	notes, err := r.StartRecording(ctx, s)
	if !errors.Is(err, trace.ErrRecording) {
		return notes, err
	}
	m.log.Warn("stop the recording of a start that was given up", logID, p.id, logProcess, r.Label())
	if _, err := r.StopRecording(ctx); err != nil {
		return nil, fmt.Errorf("stop the recording of a start that was given up: %w", err)
	}
	return r.StartRecording(ctx, s)
}

func (m *Manager) openExporter(ctx context.Context, p *entry, x Exporter) callResult {
	r := wire.OpenRequest{RecordingDir: p.recordingDir(), Since: p.view.since(), Source: p.sourceOf(x), Profile: profiler.Profile{
		ID: p.id, Dir: p.dir, Model: p.view.Model, Label: p.req.Label, Started: p.view.StartedAt, MaxBytes: p.perExp, Host: m.host,
		Processes: m.recorded(p), Filter: p.view.filter()}}
	return bounded(ctx, m.log, m.o.StartTimeout,
		func(ctx context.Context) error { return x.Open(ctx, r) },
		func() { m.abort(p, x) })
}

// startError names each culprit of a start; nil when there is none.
func (m *Manager) startError(ctx context.Context, p *entry, recs, opens []callResult, saved error) error {
	var ranks, recorders, profilers []Culprit
	for i, r := range recs {
		var isDown errDown
		switch c := (Culprit{p.procs[i].Label(), r.err}); {
		case r.err == nil:
		case errors.As(r.err, &isDown) || r.unsure || wire.Hung(r.err):
			ranks = append(ranks, c)
		default:
			recorders = append(recorders, c)
		}
	}
	for i, r := range opens {
		if r.err != nil {
			profilers = append(profilers, Culprit{p.exps[i].Name(), r.err})
		}
	}
	all := slices.Concat(ranks, recorders, profilers)
	e := &Error{Culprits: all, Message: "the profile was not started: " + culpritsText(all)}
	switch {
	case len(all) > 0 && ctx.Err() != nil:
		e.Code = CodeCancelled
	case len(ranks) > 0:
		e.Code = CodeRankUnavailable
	case len(recorders) > 0:
		e.Code = CodeRecordingFailed
	case len(profilers) > 0:
		e.Code = CodeProfilerFailed
	case saved != nil:
		return dirError("start a profile", saved)
	default:
		return nil
	}
	return e
}

// undo stops what began, or may have.
func (m *Manager) undo(p *entry, recs, opens []callResult) {
	settle(slices.Concat(recs, opens)...)
	each(len(recs)+len(opens), func(i int) {
		if n := len(recs); i >= n {
			if opens[i-n].err == nil || opens[i-n].unsure {
				m.abort(p, p.exps[i-n])
			}
		} else if recs[i].err == nil || recs[i].unsure {
			m.undoRecorder(p, p.procs[i])
		}
	})
}

func (m *Manager) undoRecorder(p *entry, r Recorder) {
	if _, ok := r.(*measuring); ok { // Abort ends it
		return
	}
	res := bounded(m.base, m.log, m.o.StopTimeout, func(ctx context.Context) error {
		_, err := r.StopRecording(ctx)
		return err
	}, nil)
	if res.err != nil && !errors.Is(res.err, trace.ErrNotRecording) { // it may not have come to record
		m.log.Warn("roll back a recording", logID, p.id, logProcess, r.Label(), logError, res.err)
	}
}

func (m *Manager) abort(p *entry, x Exporter) {
	if res := bounded(m.base, m.log, m.o.StopTimeout, x.Abort, nil); res.err != nil {
		m.log.Warn("abort an export", logID, p.id, logProfiler, x.Name(), logError, res.err)
	}
}

// drop forgets a profile whose start failed, with its directory.
func (m *Manager) drop(p *entry) {
	p.manifest.flush() // how it went does not matter: the file goes
	p.unlock()
	if err := remove(p); err != nil { // in one step: what a rank still makes late finds no folder
		m.log.Warn("remove the directory of a profile that did not start", logID, p.id, logError, err)
	}
	m.mu.Lock()
	delete(m.entries, p.id)
	m.active = nil
	m.totals.StartsFailed++
	m.mu.Unlock()
	close(p.done)
}

// record takes p into the recording state and sets its limits.
func (m *Manager) record(p *entry) View {
	limit, by := m.o.MaxDuration, EndedByMaxDuration
	if p.req.Duration > 0 {
		limit, by = p.req.Duration, EndedByDuration
	}
	m.startCPU(p)
	m.prompts.set(p.req.RecordPrompts)
	v := m.change(p, func(v *View) {
		v.State = StateRecording
		for i, r := range p.procs {
			v.warnOf(r, p.told[i])
			if _, ok := r.(*measuring); ok { // its process may have been started for this
				v.Processes[i].PID = r.PID()
			}
		}
		m.totals.start(v)
		p.timer = time.AfterFunc(limit, func() { m.end(p, by) })
		m.current.Store(p)
	})
	if p.wanted != "" { // nobody writes it any more
		m.end(p, p.wanted)
	}
	return v
}
