package profile

import (
	"context"
	"os"
	"sync"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/trace"
	"github.com/strobe-dev/strobe/sdk/trace/procstat"
)

// Local records this very process: core.
type Local struct {
	rec *trace.Recorder

	mu     sync.Mutex
	cancel context.CancelFunc // ends the sampling of process counters; nil while not recording
	ended  chan struct{}
	flight bool
	cpu    *wire.CPUProfile // nil: none is being made
}

// NewLocal makes core's own recorder a [Recorder].
func NewLocal(rec *trace.Recorder) *Local { return &Local{rec: rec} }

// coreLabel names core's segment.
const coreLabel = "core"

// Label is "core".
func (l *Local) Label() string { return coreLabel }

// Stage is 0: core is no stage.
func (l *Local) Stage() int { return 0 }

// StageName is empty: core is no stage.
func (l *Local) StageName() string { return "" }

// Rank is 0.
func (l *Local) Rank() int { return 0 }

// PID is this process's id.
func (l *Local) PID() int { return os.Getpid() }

// StartRecording starts the recorder and samples the process's counters until it is stopped.
func (l *Local) StartRecording(_ context.Context, s trace.Start) (notes []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.rec.Start(s); err != nil {
		return nil, err
	}
	l.sample()
	return l.rec.Notes(), nil
}

// sample records the process's counters until endSampling. Called with mu held, as that.
func (l *Local) sample() {
	if l.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	l.cancel, l.ended = cancel, ended
	go func() {
		defer close(ended)
		procstat.Run(ctx, l.rec)
	}()
}

func (l *Local) endSampling() {
	if l.cancel != nil {
		l.cancel()
		<-l.ended
		l.cancel = nil
	}
}

// StopRecording stops the recorder.
func (l *Local) StopRecording(context.Context) (trace.Stats, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.flight {
		l.endSampling()
	}
	return l.rec.Stop()
}
