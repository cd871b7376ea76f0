package profile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// writersWait bounds how long a recovery waits for the processes of a server that was killed: they follow it at once.
const writersWait = 3 * time.Second

// takeOver makes a profile that a server left unfinished ours, to be recovered.
func (m *Manager) takeOver(p *entry, v View) error {
	lock, err := lockDir(p.dir)
	if err != nil {
		return err
	}
	p.lock, p.manifest, p.done = lock, newManifest(p.dir), make(chan struct{})
	p.req.Label = v.Label
	p.steps.Store(v.Steps)
	p.leftWhile(&v)
	p.view = v
	m.left = append(m.left, p)
	return nil
}

// withoutManifest is a profile that has segments and no manifest: its server was killed between the two. Otherwise there
// is nothing to recover, and missing comes back.
func (m *Manager) withoutManifest(p *entry, missing error) (View, error) {
	if _, err := segmentsIn(p.recordingDir()); err != nil {
		return View{}, missing
	}
	started, err := time.Parse(idTime, p.id[:len(idTime)])
	if err != nil {
		return View{}, missing
	}
	return View{ID: p.id, State: StateStarting, Model: m.o.Model, StartedAt: started, Profilers: m.o.Profilers}.clone(), nil
}

// leftWhile puts v on its way to its end and remembers in which state the server left it.
func (p *entry) leftWhile(v *View) {
	p.leftIn = v.State
	for _, e := range v.Exports {
		if !slices.Contains(v.Profilers, e.Profiler) {
			v.Profilers = append(v.Profilers, e.Profiler)
		}
	}
	defaultTo(&v.EndedBy, EndedByCrash)
	v.State, v.Error = StateExporting, ""
	v.Exports, v.Artifacts, v.Traces = nil, nil, nil
	for _, name := range v.Profilers {
		v.Exports = append(v.Exports, Export{Profiler: name, State: ExportRunning})
	}
	*v = v.clone()
}

// recoverAll finishes what servers left unfinished, one after the other, the newest first.
func (m *Manager) recoverAll() {
	for _, p := range m.left {
		if m.closing.Err() != nil {
			m.leave(p)
			continue
		}
		if err := guarded(m.log, func() error { m.recover(m.closing, p); return nil }); err != nil {
			m.leave(p)
		}
	}
	m.left = nil
}

// leave gives a profile up for now: the next server finds it unfinished and tries again.
func (m *Manager) leave(p *entry) {
	p.manifest.flush() // how that went does not matter: the file says "unfinished" in any case
	p.unlock()
	m.mu.Lock()
	delete(m.entries, p.id)
	m.mu.Unlock()
	m.log.Info("profile", logID, p.id, logState, string(StateExporting), "why", "the server ends; the next one recovers it")
	close(p.done)
}

// recover exports the recording that is there and makes the profile final. When ctx ends first it is left as it was.
func (m *Manager) recover(ctx context.Context, p *entry) {
	m.log.Info("profile", logID, p.id, logState, "recovering", "left_while", string(p.leftIn))
	segments, err := settledSegments(ctx, p.recordingDir())
	removeParts(p.dir)
	m.change(p, func(v *View) { p.found(v, segments) })
	var exports []exported
	if err == nil && len(segments) == 0 {
		err = errors.New("no segment is there: nothing had been recorded")
	}
	if err == nil {
		exports = m.exportOffline(ctx, p)
	} else {
		for _, name := range p.view.Profilers {
			exports = append(exports, exported{row: Export{Profiler: name, State: ExportFailed, Error: err.Error()}})
		}
	}
	if ctx.Err() != nil {
		m.leave(p)
		return
	}
	m.concludeRecovery(p, exports, err)
}

// settledSegments looks at a recording whose writers have gone.
func settledSegments(ctx context.Context, dir string) ([]recording.Segment, error) {
	for end := time.Now().Add(writersWait); ; {
		segments, err := recording.Segments(dir)
		if err != nil || !slices.ContainsFunc(segments, isWritten) || time.Now().After(end) {
			return segments, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// isWritten tells whether a segment's writer may still be there. This process itself is not: a pid may be used again.
func isWritten(s recording.Segment) bool {
	pid := s.Process.PID
	return !s.Closed && pid > 1 && pid != os.Getpid() && syscall.Kill(pid, 0) == nil && !isZombie(pid)
}

// isZombie tells of a process that has ended and that nobody has waited for. Where there is no /proc nothing is known.
func isZombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat[max(0, bytes.LastIndexByte(stat, ')')):]), ") ")
	return strings.HasPrefix(rest, "Z")
}

// removeParts removes the hidden files of exports that were killed. What it cannot remove is in nobody's way.
func removeParts(dir string) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case d.Type().IsRegular() && strings.HasPrefix(d.Name(), ".") && (strings.HasSuffix(d.Name(), ".part") || strings.HasSuffix(d.Name(), ".tmp")):
			os.Remove(path)
		}
		return nil
	})
}

// found puts what the segments say into the rows: which processes there were, and which of them stopped in order.
func (p *entry) found(v *View, segments []recording.Segment) {
	last := v.StartedAt
	for _, s := range segments {
		if s.Last.After(last) {
			last = s.Last
		}
		row := v.row(s.Process)
		row.PID = s.Process.PID
		if row.Events == 0 { // it had not said what it recorded
			row.Bytes += s.Bytes
		}
		row.Ended = ProcessDied
		if s.Closed {
			row.Ended = ProcessStopped
		}
	}
	if v.StoppedAt == nil {
		v.StoppedAt = &last
		v.DurationS = last.Sub(v.StartedAt).Seconds()
	}
	p.files = nil
	for _, s := range segments {
		p.files = append(p.files, s.Name)
	}
	for _, row := range v.Processes {
		if name := row.Process + segmentSuffix; !slices.Contains(p.files, name) && !hasSegment(segments, row) {
			p.files = append(p.files, name) // a reader then says that it is missing
		}
	}
}

func hasSegment(segments []recording.Segment, row Process) bool {
	return slices.ContainsFunc(segments, func(s recording.Segment) bool { return row.is(s.Process) })
}

// row finds the row of a process, or makes one.
func (v *View) row(r *recording.Process) *Process {
	for i := range v.Processes {
		if v.Processes[i].is(r) {
			return &v.Processes[i]
		}
	}
	row := Process{Process: r.Name, StageName: r.StageName, PID: r.PID, Losses: Losses{ByReason: map[string]uint64{}}}
	switch r.Kind {
	case trace.ProcessProfiler:
		row.Process = profilerPrefix + r.Name
	case trace.ProcessModel:
		stage, rank := r.Stage, r.Rank
		row.Process, row.Stage, row.Rank = fmt.Sprintf("stage_%d_%s_rank%d", stage, r.StageName, rank), &stage, &rank
	}
	v.Processes = append(v.Processes, row)
	return &v.Processes[len(v.Processes)-1]
}

// exportOffline has every profiler that the profile names export the recording, at once, each in a process of its own.
func (m *Manager) exportOffline(ctx context.Context, p *entry) []exported {
	m.mu.Lock()
	v := p.view.clone()
	m.mu.Unlock()
	p.perExp = m.o.MaxBytes / 2 / int64(max(1, len(v.Profilers)))
	out := make([]exported, len(v.Profilers))
	var taken names
	each(len(out), func(i int) {
		out[i] = m.exportBy(ctx, p, v.Profilers[i], *v.StoppedAt, &taken)
		m.change(p, func(v *View) { v.Exports[i] = out[i].row })
	})
	return out
}

// exportBy opens a profiler beside those that follow profiles, has it export and closes it.
func (m *Manager) exportBy(ctx context.Context, p *entry, name string, stopped time.Time, taken *names) exported {
	x, err := m.offline(name)
	if err != nil {
		return exported{row: Export{Profiler: name, State: ExportFailed, Error: err.Error()}}
	}
	if c, ok := x.(interface{ Close(context.Context) error }); ok {
		defer func() {
			if res := bounded(context.WithoutCancel(ctx), m.log, m.o.StopTimeout, c.Close, nil); res.err != nil {
				m.log.Warn("end a profiler after its export", logID, p.id, logProfiler, name, logError, res.err)
			}
		}()
	}
	return m.exportWith(ctx, p, x, stopped, taken, m.openAndFinish)
}

func (m *Manager) offline(name string) (Exporter, error) {
	if m.o.Offline == nil {
		return nil, errors.New("no profiler is configured")
	}
	return m.o.Offline(name)
}

// concludeRecovery says what happened, writes it down and makes the profile final.
func (m *Manager) concludeRecovery(p *entry, exports []exported, lost error) {
	m.mu.Lock()
	final := m.look(p)
	m.mu.Unlock()
	if i := slices.IndexFunc(exports, func(e exported) bool { return e.answered }); i >= 0 {
		final.Requests = max(final.Requests, int64(exports[i].reply.Table.Requests))
	} else if lost == nil {
		m.summarize(p, &final)
	}
	final.conclude(exports)
	final.addCPU(p)
	final.Warnings = append([]string{p.whatHappened(&final)}, final.Warnings...)
	final.State, final.Error = StateRecovered, culpritsText(exportCulprits(final.Exports))
	if final.Error != "" || lost != nil {
		final.State = StateFailed
		final.Error = fmt.Sprintf("the server ended while the profile was %s; its recording is kept: %s", p.leftIn, final.Error)
	}
	m.finalize(p, final, exports)
}

// summarize reads the recording itself, as no profiler did.
func (m *Manager) summarize(p *entry, v *View) {
	t, read, err := computeSummary(m.closing, p.recordingDir(), v.since(), v.filter())
	if err == nil {
		v.readBack(read)
		v.Requests = int64(t.Requests)
		v.sum()
		err = writeJSON(filepath.Join(p.dir, summaryName), t)
	}
	if err != nil {
		v.Warnings = append(v.Warnings, "there is no summary: "+err.Error())
	}
}

// whatHappened is one sentence for people.
func (p *entry) whatHappened(v *View) string {
	var died []string
	var open uint64
	for _, row := range v.Processes {
		if row.Ended == ProcessDied {
			died = append(died, row.Process)
		}
		open += row.OpenSpans
	}
	text := fmt.Sprintf("the server ended while the profile was %s; what had been recorded by then was exported", p.leftIn)
	if v.Trigger == TriggerCrash {
		text = "the server ended without being stopped; what its flight recorder remembered was exported"
	}
	if len(died) > 0 {
		text += fmt.Sprintf(": %s ended without stopping, %d spans were open", strings.Join(died, ", "), open)
	}
	return text
}
