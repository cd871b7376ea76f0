package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
)

// Waits before a dead rank is started again. One that lived for a while begins anew with the shortest.
const (
	backoffMin   = 200 * time.Millisecond
	backoffMax   = 10 * time.Second
	backoffReset = 30 * time.Second
)

// restartIdle is how long a restart on request lets the request that runs go on.
const restartIdle = 30 * time.Second

// settle looks after a rank whose Generate has failed, before it gets another request. One that hangs, or goes on with what was
// cancelled, would keep every later request waiting: its process is ended, and started again.
func (r *Rank) settle(ctx context.Context, p *wire.Process, err error) {
	if wire.Hung(err) {
		p.Kill(err)
		return
	}
	if ctx.Err() == nil || p.Err() != nil {
		return
	}
	limit := r.unit.cancel
	if err := p.AwaitIdle(context.WithoutCancel(ctx), limit); wire.Hung(err) {
		p.Kill(fmt.Errorf("%w: it went on for %s after its request was cancelled (cancel_timeout)", wire.ErrStalled, limit))
	}
}

// supervise starts the rank again whenever it dies, and when somebody asks for it.
func (r *Rank) supervise() {
	ctx, cancel := context.WithCancel(context.Background())
	r.living, r.stop, r.done = ctx, cancel, make(chan struct{})
	go func() {
		defer close(r.done)
		for wait := backoffMin; ctx.Err() == nil; {
			wait = r.life(ctx, wait)
		}
	}()
}

// life waits for the end of the process, or of ctx, and for its successor to be up. wait and the result are the waits before
// the first try after a death.
func (r *Rank) life(ctx context.Context, wait time.Duration) time.Duration {
	began := time.Now()
	var asked chan error
	dead := r.current()
	select {
	case <-ctx.Done():
		return wait
	case <-dead.Done():
		if time.Since(began) > backoffReset {
			wait = backoffMin
		}
		r.lost(dead.Err(), time.Since(began))
	case asked = <-r.asked:
		r.setDown(ErrRestarting)
		_ = dead.AwaitIdle(ctx, restartIdle)
	}
	_ = dead.Close(ctx) // a dead process still has its folder and its readers
	return r.revive(ctx, dead, wait, asked)
}

// revive tries until the rank is up or ctx ends.
func (r *Rank) revive(ctx context.Context, dead *wire.Process, wait time.Duration, asked chan error) time.Duration {
	for ; ; wait = min(2*wait, backoffMax) {
		if asked == nil {
			select {
			case <-ctx.Done():
				return wait
			case asked = <-r.asked:
			case <-time.After(r.pause(wait)):
			}
		}
		if asked != nil {
			wait = backoffMin
			r.forgive()
		}
		err := r.again(ctx, dead)
		if asked != nil {
			asked <- err
			asked = nil
		}
		if err == nil || ctx.Err() != nil {
			return min(2*wait, backoffMax)
		}
		r.lost(err, 0)
		r.catalog.options.Log.Error("restart rank", "stage", r.StageName(), "rank", r.Rank(), "error", err, "next_try", r.pause(2*wait))
	}
}

// again starts a successor of dead.
func (r *Rank) again(ctx context.Context, dead *wire.Process) error {
	s, err := r.catalog.restart(ctx, r.unit)
	if err != nil {
		return err
	}
	r.resume(ctx, dead, s.Process) // before requests come
	r.mu.Lock()
	r.history.gone(dead)
	r.now, r.down = s, nil
	r.restarts++
	r.mu.Unlock()
	r.catalog.options.Log.Info("rank restarted", "stage", r.StageName(), "rank", r.Rank(), "pid", s.PID())
	return nil
}

// lost notes a death, or a start that failed, of a process that was up for so long.
func (r *Rank) lost(err error, up time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.died(err)
	if up > r.breaker.limits.Window {
		r.breaker.lived()
	}
	r.down = fmt.Errorf("%w: %w", err, ErrDown)
	now := time.Now()
	if errors.Is(err, ErrDoubtful) {
		return // it generated well: no number of profiles is to take the rank away
	}
	if r.breaker.died(now) {
		r.down = r.breaker.broken(now, err)
		r.catalog.options.Log.Error("plugin died too often and stays down", "plugin", r.Plugin(), "stage", r.StageName(), "rank", r.Rank(),
			"next_try", r.breaker.limits.Rest, "error", err.Error())
	}
}

// pause is how long to wait before the next try: wait, unless the plugin is to be left down.
func (r *Rank) pause(wait time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(min(wait, backoffMax), time.Until(r.breaker.until))
}

// forgive lets a plugin be tried that was left down.
func (r *Rank) forgive() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.breaker.reset()
}

// restart has the supervisor end the process and start another. It returns when that is up, or why it is not.
func (r *Rank) restart(ctx context.Context) error {
	reply := make(chan error, 1)
	select {
	case r.asked <- reply:
	case <-r.done:
		return &wire.Error{Plugin: "model(" + r.Plugin() + ")", Op: "restart", Err: wire.ErrClosed}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-reply:
		return err
	case <-r.done:
		return &wire.Error{Plugin: "model(" + r.Plugin() + ")", Op: "restart", Err: wire.ErrClosed}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *Rank) current() *wire.Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.Process
}

func (r *Rank) setDown(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = err
}
