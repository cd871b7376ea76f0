package plugintest

import (
	"context"
	"sync"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
)

// gate stands before the sinks of a profiler in memory. While it is closed, Consume blocks, whatever becomes of its ctx.
type gate struct{ held sync.RWMutex }

func (g *gate) close() (open func(), err error) {
	g.held.Lock()
	return sync.OnceFunc(g.held.Unlock), nil
}

// before puts the gate before p, which keeps the companions that a host asks for.
func (g *gate) before(p profiler.Profiler) profiler.Profiler {
	gated := gatedProfiler{p, g}
	measures, isSource := p.(profiler.ProfilerWithSource)
	probes, isProber := p.(wire.Prober)
	switch {
	case isSource && isProber:
		return struct {
			gatedProfiler
			profiler.ProfilerWithSource
			wire.Prober
		}{gated, measures, probes}
	case isSource:
		return struct {
			gatedProfiler
			profiler.ProfilerWithSource
		}{gated, measures}
	case isProber:
		return struct {
			gatedProfiler
			wire.Prober
		}{gated, probes}
	}
	return gated
}

type gatedProfiler struct {
	profiler.Profiler
	g *gate
}

func (p gatedProfiler) Open(ctx context.Context, profile profiler.Profile) (profiler.Sink, error) {
	s, err := p.Profiler.Open(ctx, profile)
	if err != nil || s == nil {
		return nil, err
	}
	return gatedSink{s, p.g}, nil
}

// gatedSink has every companion of a sink: one that does nothing is as good as none.
type gatedSink struct {
	profiler.Sink
	g *gate
}

func (s gatedSink) Consume(ctx context.Context, b *recording.Batch) error {
	s.g.held.RLock()
	defer s.g.held.RUnlock()
	return s.Sink.Consume(ctx, b)
}

func (s gatedSink) Abort(ctx context.Context) error {
	if a, ok := s.Sink.(profiler.Aborter); ok {
		return a.Abort(ctx)
	}
	return nil
}

func (s gatedSink) Stopping(ctx context.Context) {
	if a, ok := s.Sink.(profiler.Stopper); ok {
		a.Stopping(ctx)
	}
}

func (s gatedSink) Warnings() []string {
	if a, ok := s.Sink.(profiler.Warner); ok {
		return a.Warnings()
	}
	return nil
}
