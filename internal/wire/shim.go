package wire

import (
	"context"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/recording/summary"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// TEMPORARY until the reader, the aggregator and the sampler exist.

type follower interface {
	Poll(ctx context.Context, f func(*recording.Batch) error) (int, error)
	Finish(ctx context.Context, want []string, f func(*recording.Batch) error) ([]recording.Summary, error)
	Close() error
}

type nothing struct{}

func (nothing) Poll(context.Context, func(*recording.Batch) error) (int, error) { return 0, nil }
func (nothing) Finish(context.Context, []string, func(*recording.Batch) error) ([]recording.Summary, error) {
	return nil, nil
}
func (nothing) Close() error { return nil }

func newFollower(string) follower { return nothing{} }

type aggregator struct{}

func (*aggregator) Add(*recording.Batch) {}
func (*aggregator) Table() summary.Table { return summary.Table{} }

func sampleProcess(*trace.Recorder) func() { return func() {} }
