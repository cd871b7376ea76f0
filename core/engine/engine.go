package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Rank is one process of a stage.
type Rank interface {
	// Rank is the index of the process within its stage.
	Rank() int
	// PID is the process's id, 0 when unknown.
	PID() int
	// Err is nil while the rank is up, else why it is not. It answers at once and is safe at any time.
	Err() error
	// Generate runs the stage for one request. The engine calls it once at a time; it returns soon after ctx ends.
	// progress, never nil, is called on Generate's goroutine. A *[model.RequestError] is the caller's fault.
	Generate(ctx context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error)
}

// Stage is a step of the model's pipeline.
type Stage struct {
	Index  int    // place in the chain, from 0
	Name   string // "diffusion"
	Plugin string // "dit"
	Info   model.Info
	Ranks  []Rank
}

// Options of an engine.
type Options struct {
	// QueueSize is how many requests may wait for a rank; 0: none, a request is served at once or refused.
	QueueSize int
	// Timeout of a request from its arrival to its last image, waiting included; 0: none.
	Timeout time.Duration
	// Recorder gets the counters "queue" and "in_flight"; may be nil.
	Recorder *trace.Recorder
	// Observer is told of each request that ended; may be nil.
	Observer Observer
	Log      *slog.Logger // slog.Default() when nil
}

// Engine runs requests through the stages of one model. It is safe for concurrent use.
type Engine struct {
	name  string
	o     Options
	log   *slog.Logger
	flows atomic.Uint64

	mu       sync.Mutex
	stages   []*stage
	waiting  int // requests that wait for a rank, of any stage
	admitted int // requests between admission and their end
	draining bool
	drained  chan struct{} // closed when draining and the last request has ended
	totals   Totals
	track    *trace.Track // written under mu

	base   context.Context // ends when draining gave up
	cancel context.CancelCauseFunc
}

// New makes an engine for the model called name. The first stage must make images; stages and their ranks
// are fixed for the engine's life.
func New(name string, stages []Stage, o Options) *Engine {
	e := &Engine{name: name, o: o, log: o.Log, drained: make(chan struct{})}
	if e.log == nil {
		e.log = slog.Default()
	}
	if o.Recorder != nil {
		e.track = o.Recorder.Track("engine")
	}
	for _, s := range stages {
		e.stages = append(e.stages, newStage(s))
	}
	e.base, e.cancel = context.WithCancelCause(context.Background())
	return e
}

// Close refuses new requests and waits for those admitted, also the waiting ones. When ctx ends first, the rest is
// cancelled with [ErrDraining] and ctx's error comes back. It is safe to call more than once.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	if !e.draining {
		e.draining = true
		e.closeIfDrained()
	}
	e.mu.Unlock()
	select {
	case <-e.drained:
		e.cancel(ErrDraining)
		return nil
	case <-ctx.Done():
		e.cancel(ErrDraining)
		return &DrainError{Cancelled: e.Stats().Admitted, Err: context.Cause(ctx)}
	}
}

// closeIfDrained ends Close's wait. Called with mu held.
func (e *Engine) closeIfDrained() {
	if e.draining && e.admitted == 0 {
		close(e.drained)
	}
}
