package profile

import (
	"context"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// StartFlight turns the recorder's flight recorder on, and samples the process's counters until it is stopped.
func (l *Local) StartFlight(_ context.Context, f trace.Flight) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.rec.StartFlight(f); err != nil {
		return err
	}
	l.flight = true
	l.sample()
	return nil
}

// StopFlight turns it off.
func (l *Local) StopFlight(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.rec.StopFlight(); err != nil {
		return err
	}
	l.flight = false
	if !l.rec.On() {
		l.endSampling()
	}
	return nil
}

// Snapshot keeps what core remembers.
func (l *Local) Snapshot(_ context.Context, s trace.Snapshot) (trace.SnapshotStats, error) {
	return l.rec.Snapshot(s)
}
