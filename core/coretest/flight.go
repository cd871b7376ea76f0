package coretest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// Flight is what the rank was told to remember, if it was. Like a process, it forgets that when Restart is called.
func (r *Rank) Flight() (trace.Flight, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flight == nil {
		return trace.Flight{}, false
	}
	return *r.flight, true
}

// Restart makes the rank another process that is up.
func (r *Rank) Restart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Process++
	r.down, r.flight = nil, nil
}

// StartFlight makes one file of the folder.
func (r *Rank) StartFlight(_ context.Context, f trace.Flight) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flight != nil {
		return trace.ErrRecording
	}
	r.flight = &f
	return os.WriteFile(filepath.Join(f.Dir, "00000000.seg"), nil, 0o600)
}

// StopFlight forgets it.
func (r *Rank) StopFlight(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flight == nil {
		return trace.ErrNoFlight
	}
	r.flight = nil
	return nil
}

// Snapshot makes one empty segment.
func (r *Rank) Snapshot(_ context.Context, s trace.Snapshot) (trace.SnapshotStats, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.down != nil:
		return trace.SnapshotStats{}, r.down
	case r.OnSnapshot != nil:
		if err := r.OnSnapshot(s); err != nil {
			return trace.SnapshotStats{}, err
		}
	case r.flight == nil:
		return trace.SnapshotStats{}, trace.ErrNoFlight
	case r.recording != nil:
		return trace.SnapshotStats{}, trace.ErrRecording
	}
	name := fmt.Sprintf("%s.0.seg", s.Label)
	st := trace.SnapshotStats{Stats: r.Stats, Segments: []string{name}}
	return st, os.WriteFile(filepath.Join(s.Dir, name), nil, 0o600)
}
