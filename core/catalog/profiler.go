package catalog

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/internal/words"
	"github.com/strobe-dev/strobe/sdk/diag"
)

// UnknownProfilerError says that no profiler block has that label.
type UnknownProfilerError struct {
	Name     string
	Declared []string
}

func (e *UnknownProfilerError) Error() string {
	s := fmt.Sprintf("no profiler %q is declared", e.Name)
	if h := words.Hint(e.Name, "declared", e.Declared); h != "" {
		s += " (" + strings.ReplaceAll(h, "\n", " ") + ")"
	}
	return s
}

// Profiler is a profiler block. Its process is started when it is needed, and again when it has died. It is safe for
// concurrent use.
type Profiler struct {
	catalog   *Catalog
	unit      unit
	described wire.Description

	starting chan struct{} // holds one token: one start at a time

	mu      sync.Mutex
	now     *wire.Process // nil until started
	opened  *wire.Process // what the last profile was opened on; nil when that was ended on request
	mourned bool          // the death of now is in the history
	starts  int           // of processes after the first
	breaker breaker
	history history
	closed  bool
}

func newProfiler(c *Catalog, u unit, d wire.Description) *Profiler {
	p := &Profiler{catalog: c, unit: u, described: d, starting: make(chan struct{}, 1), breaker: breaker{limits: c.options.Restarts}}
	p.starting <- struct{}{}
	return p
}

// Name is the block's label.
func (p *Profiler) Name() string { return p.unit.name }

// Err is how the process ended by itself; nil while it runs, and when there is none yet.
func (p *Profiler) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil {
		return nil
	}
	return p.now.Err()
}

func (p *Profiler) describedAs() wire.Description {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.described
}

// adopt takes a process that is up.
func (p *Profiler) adopt(s started) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now, p.described, p.mourned = s.Process, s.described, false
}

// probe logs what stands in the way of the profiler; it never keeps a server from starting.
func (p *Profiler) probe(ctx context.Context, s started) {
	if !s.described.Has(wire.CapabilityProbe) {
		return
	}
	found, err := s.Probe(ctx)
	if err != nil {
		found = diag.List{{Severity: diag.Warning, Summary: err.Error()}}
	}
	if ctx.Err() != nil {
		return // nobody wants to know any more
	}
	for _, d := range found {
		p.catalog.options.Log.Warn("profiler may not work here", "profiler", p.Name(), "finding", d.String())
	}
}

// Open starts a profile's output, and the process when it does not run.
func (p *Profiler) Open(ctx context.Context, r wire.OpenRequest) error {
	process, err := p.ensure(ctx)
	if err != nil {
		return p.note(err)
	}
	if err := process.Open(ctx, r); err != nil {
		return p.noteCall(process, err)
	}
	p.mu.Lock()
	p.opened = process
	p.mu.Unlock()
	if p.unit.offline { // it has started in good time; what it does now can wait
		process.Yield()
	}
	return nil
}

// Measures tells whether the profiler records on its own account when a profile says where.
func (p *Profiler) Measures() bool { return p.describedAs().Has(wire.CapabilitySource) }

// PID of the process, the dead one's while there is no other; 0 when none was started yet.
func (p *Profiler) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil {
		return 0
	}
	return p.now.PID()
}

// StopSource ends the measuring that Open began.
func (p *Profiler) StopSource(ctx context.Context) (wire.SourceReply, error) {
	process, err := p.running("stop measuring")
	if err != nil {
		return wire.SourceReply{}, err
	}
	reply, err := process.StopSource(ctx)
	if err != nil && p.restarted(process) {
		return wire.SourceReply{Problem: wire.ErrStartedAgain.Error()}, nil
	}
	return reply, p.noteCall(process, err)
}

// Finish completes the open profile. Beside an error of the export the reply still holds what was read. The error is
// [wire.ErrStartedAgain] when the profile went with the process that it was opened on.
func (p *Profiler) Finish(ctx context.Context, r wire.FinishRequest) (wire.FinishReply, error) {
	process, err := p.running("finish")
	if err != nil {
		return wire.FinishReply{}, err
	}
	reply, err := process.Finish(ctx, r)
	if err != nil && p.restarted(process) {
		return wire.FinishReply{}, &wire.Error{Plugin: "profiler(" + p.unit.name + ")", Op: "finish", Err: wire.ErrStartedAgain}
	}
	return reply, p.noteCall(process, err)
}

// Abort abandons the open profile. A process that is gone has nothing open.
func (p *Profiler) Abort(ctx context.Context) error {
	process, err := p.running("abort")
	if err != nil {
		return nil
	}
	return p.noteCall(process, process.Abort(ctx))
}

// restarted tells whether the profile was opened on another process than this one, or this one was ended on request.
func (p *Profiler) restarted(process *wire.Process) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.opened != process
}

func (p *Profiler) running(op string) (*wire.Process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil {
		return nil, &wire.Error{Plugin: "profiler(" + p.unit.name + ")", Op: op, Err: fmt.Errorf("it does not run")}
	}
	return p.now, p.now.Err()
}

// note keeps the last error for those who ask.
func (p *Profiler) note(err error) error {
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.history.failed(err)
	}
	return err
}

// noteCall is note for what a process answered. One that did not come back from a call has its profile open for ever: it is
// ended, and started again at its next use.
func (p *Profiler) noteCall(process *wire.Process, err error) error {
	if wire.Hung(err) {
		process.Kill(err)
	}
	return p.note(err)
}

// Close ends the process.
func (p *Profiler) Close(ctx context.Context) error {
	p.catalog.closers.remove(p)
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	select {
	case <-p.starting: // nothing is started from now on
		defer func() { p.starting <- struct{}{} }()
	case <-ctx.Done():
	}
	p.mu.Lock()
	process := p.now
	p.mu.Unlock()
	if process == nil {
		return nil
	}
	return process.Close(ctx)
}
