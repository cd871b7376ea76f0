package catalog

import (
	"context"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// StartFlight makes the rank remember what happened last. Its successor, if it dies, has to be told anew.
func (r *Rank) StartFlight(ctx context.Context, f trace.Flight) error {
	p, err := r.process()
	if err != nil {
		return err
	}
	return p.StartFlight(ctx, f)
}

// StopFlight ends that.
func (r *Rank) StopFlight(ctx context.Context) error {
	p, err := r.process()
	if err != nil {
		return err
	}
	return p.StopFlight(ctx)
}

// Snapshot keeps what the rank remembers.
func (r *Rank) Snapshot(ctx context.Context, s trace.Snapshot) (trace.SnapshotStats, error) {
	p, err := r.process()
	if err != nil {
		return trace.SnapshotStats{}, err
	}
	return p.Snapshot(ctx, s)
}
