package profile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/strobe-dev/strobe/sdk/recording/summary"
)

// FolderRecovery says how a profile that a server left unfinished is finished by hand.
type FolderRecovery struct {
	Dir string // the profile's directory, or its recording folder
	// Profilers export the recording; empty: those that the profile names, else Default.
	Profilers []string
	Default   string
	Exporter  func(name string) (Exporter, error) // finds a profiler; it is closed after its export if it has Close
	MaxBytes  int64                               // as in [Options]
	Log       *slog.Logger
}

// RecoverFolder does by hand what a server does when it starts: it exports what had been recorded and makes the profile
// final, and gives its summary. One that is complete or recovered already is given as it is. A profile that a server works on is left alone:
// that is an error.
func RecoverFolder(ctx context.Context, r FolderRecovery) (View, summary.Table, error) {
	v, err := recoverFolder(ctx, r)
	if err != nil {
		return v, summary.Table{}, fmt.Errorf("recover %q: %w", r.Dir, err)
	}
	t, err := readSummary(v.Dir)
	if err != nil { // there is none when nothing could be read
		t, _, _ = computeSummary(ctx, filepath.Join(v.Dir, recordingName), v.since(), v.filter())
	}
	return v, t, nil
}

func recoverFolder(ctx context.Context, r FolderRecovery) (View, error) {
	dir, err := profileDir(r.Dir)
	if err != nil {
		return View{}, err
	}
	m := &Manager{o: Options{Dir: filepath.Dir(dir), MaxBytes: r.MaxBytes, Offline: r.Exporter, Log: r.Log, ShowDir: true}.withDefaults(),
		dir: filepath.Dir(dir), entries: map[string]*entry{}}
	m.log = m.o.Log
	m.totals.init()
	if m.host, err = os.Hostname(); err != nil {
		m.host = "localhost"
	}
	m.base, m.cancel = context.WithCancelCause(ctx)
	defer m.cancel(nil)
	m.closing, m.close = context.WithCancelCause(m.base)
	p := &entry{id: filepath.Base(dir), dir: dir}
	v, err := m.unfinished(ctx, p, r)
	if err == nil && !v.State.Final() {
		err = m.takeOver(p, v)
	}
	if err != nil {
		return View{}, err
	}
	if v.State.Final() {
		v.Dir = dir
		return v, nil
	}
	m.entries[p.id] = p
	m.recover(ctx, p)
	if ctx.Err() != nil {
		return View{}, fmt.Errorf("%w; what was recorded is as it was", context.Cause(ctx))
	}
	return m.Get(p.id)
}

// profileDir is the profile's directory of a path that is it, or the recording folder in it.
func profileDir(path string) (string, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if filepath.Base(dir) == recordingName {
		dir = filepath.Dir(dir)
	}
	info, err := os.Stat(filepath.Join(dir, recordingName))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return "", fmt.Errorf("it is no profile's directory: it has no folder %q; export a bare folder of segments with strobe recording export", recordingName)
	}
	return dir, err
}

// unfinished is the profile as its manifest has it, or, without one, as its segments have it.
func (m *Manager) unfinished(ctx context.Context, p *entry, r FolderRecovery) (View, error) {
	v, err := readManifest(filepath.Join(p.dir, manifestName), p.id)
	if errors.Is(err, fs.ErrNotExist) {
		v, err = View{ID: p.id, State: StateRecording}.clone(), nil
		v.StartedAt, v.Model, err = firstEvent(ctx, p.recordingDir())
	}
	if err == nil {
		err = readMarks(p.dir, &v)
	}
	if err != nil {
		return v, err
	}
	if v.State == StateComplete || v.State == StateRecovered {
		return v, nil
	}
	if v.State == StateFailed { // for want of a profiler: its recording is there
		v.State = StateExporting
	}
	if len(r.Profilers) > 0 {
		v.Profilers, v.Exports = r.Profilers, nil
	} else if len(v.Profilers) == 0 {
		v.Profilers = []string{r.Default}
	}
	return v, nil
}
