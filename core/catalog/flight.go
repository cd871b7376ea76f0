package catalog

import (
	"context"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// StartFlight makes the rank remember what happened last. Its successor, if it dies, has to be told anew.
func (r *Rank) StartFlight(ctx context.Context, f trace.Flight) error {
	return r.ask(func(p *wire.Process) error { return p.StartFlight(ctx, f) })
}

// StopFlight ends that.
func (r *Rank) StopFlight(ctx context.Context) error {
	return r.ask(func(p *wire.Process) error { return p.StopFlight(ctx) })
}

// Snapshot keeps what the rank remembers.
func (r *Rank) Snapshot(ctx context.Context, s trace.Snapshot) (stats trace.SnapshotStats, err error) {
	err = r.ask(func(p *wire.Process) error {
		stats, err = p.Snapshot(ctx, s)
		return err
	})
	return stats, err
}
