package catalog

import (
	"context"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
)

// ensure is the process, started if there is none or if it has died.
func (p *Profiler) ensure(ctx context.Context) (*wire.Process, error) {
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	defer p.leave()
	old := p.process()
	if old != nil && old.Err() == nil {
		return old, nil
	}
	if err := p.mourn(old); err != nil {
		return nil, err
	}
	return p.start(ctx, old)
}

// restart ends the process, if there is one, and starts another, though it was left down.
func (p *Profiler) restart(ctx context.Context) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	p.mu.Lock()
	p.breaker.reset()
	p.opened = nil
	p.mu.Unlock()
	_, err := p.start(ctx, p.process())
	return p.note(err)
}

// enter takes the right to start and to end the process.
func (p *Profiler) enter(ctx context.Context) error {
	select {
	case <-p.starting:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		p.leave()
		return &wire.Error{Plugin: "profiler(" + p.unit.name + ")", Err: wire.ErrClosed}
	}
	return nil
}

func (p *Profiler) leave() { p.starting <- struct{}{} }

func (p *Profiler) process() *wire.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// mourn counts the death of a process, once. An error: it is left down.
func (p *Profiler) mourn(dead *wire.Process) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if dead != nil && !p.mourned {
		p.mourned = true
		p.history.died(dead.Err())
		p.breaker.died(now)
	}
	if err := p.breaker.broken(now, p.history.last); err != nil {
		return &wire.Error{Plugin: "profiler(" + p.unit.name + ")", Err: err}
	}
	return nil
}

// start ends old, if there is one, and starts its successor.
func (p *Profiler) start(ctx context.Context, old *wire.Process) (*wire.Process, error) {
	if old != nil {
		_ = old.Close(ctx)
	}
	s, err := p.catalog.restart(ctx, p.unit)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil {
			p.history.died(err)
			p.breaker.died(time.Now())
		}
		return nil, err
	}
	if old != nil {
		p.history.gone(old)
		p.starts++
	}
	p.now, p.described, p.mourned = s.Process, s.described, false
	return s.Process, nil
}
