package profile

import (
	"context"
	"errors"

	"github.com/strobe-dev/strobe/internal/wire"
)

// StartCPUProfile begins a CPU profile of core.
func (l *Local) StartCPUProfile(_ context.Context, path string, maxBytes int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cpu.Abandon() // of a start that was given up
	p, err := wire.StartCPUProfile(path, maxBytes)
	l.cpu = p
	return err
}

// StopCPUProfile completes it.
func (l *Local) StopCPUProfile(context.Context) error {
	l.mu.Lock()
	p := l.cpu
	l.cpu = nil
	l.mu.Unlock()
	if p == nil {
		return errors.New("no CPU profile is being made")
	}
	return p.Stop()
}
