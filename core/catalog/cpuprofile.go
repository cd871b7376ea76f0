package catalog

import (
	"context"

	"github.com/strobe-dev/strobe/internal/wire"
)

// StartCPUProfile has the rank's process make a CPU profile of itself; see [wire.Client.StartCPUProfile]. The error is
// [wire.ErrNoCPUProfile] when its plugin cannot.
func (r *Rank) StartCPUProfile(ctx context.Context, path string, maxBytes int64) error {
	r.mu.Lock()
	able := r.now.described.Has(wire.CapabilityCPUProfile)
	r.mu.Unlock()
	return r.ask(func(p *wire.Process) error {
		if !able {
			return wire.ErrNoCPUProfile
		}
		return p.StartCPUProfile(ctx, path, maxBytes)
	})
}

// StopCPUProfile completes it. A process that was started again meanwhile has none.
func (r *Rank) StopCPUProfile(ctx context.Context) error {
	return r.ask(func(p *wire.Process) error { return p.StopCPUProfile(ctx) })
}
