package profile

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// callResult is how a call into a rank or a profiler went.
type callResult struct {
	err error
	// unsure: the call ran out of time or was cancelled, so what it was to begin may have begun.
	unsure bool
	// ended is closed when the call is over and, if nobody waited for it, what it did is undone.
	ended <-chan struct{}
}

// settleTime is how long a start that fails waits for calls that were given up: they were told, so they end at once, and
// what they still undo must not meet what the next start begins.
const settleTime = time.Second

// settle waits for the end of calls that were given up.
func settle(calls ...callResult) {
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	for _, c := range calls {
		if !c.unsure {
			continue
		}
		select {
		case <-c.ended:
		case <-timer.C:
			return
		}
	}
}

// bounded calls f with a deadline and does not wait longer, even if f does. A panic in f is its error. When f ends
// well after its time, late is called, which undoes what f did.
func bounded(ctx context.Context, log *slog.Logger, d time.Duration, f func(context.Context) error, late func()) callResult {
	ctx, cancel := context.WithTimeoutCause(ctx, d, fmt.Errorf("no answer within %v: %w", d, context.DeadlineExceeded))
	defer cancel()
	answer := make(chan error, 1)
	var mu sync.Mutex
	abandoned := false
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := guarded(log, func() error { return f(ctx) })
		mu.Lock()
		was := abandoned
		answer <- err
		mu.Unlock()
		if was && err == nil && late != nil {
			late()
		}
	}()
	select {
	case err := <-answer:
		if err != nil && ctx.Err() != nil {
			return callResult{err: fmt.Errorf("%w (%w)", context.Cause(ctx), err), unsure: true, ended: ended}
		}
		return callResult{err: err}
	case <-ctx.Done():
		mu.Lock()
		defer mu.Unlock()
		select {
		case err := <-answer: // just in time
			if err == nil {
				return callResult{}
			}
		default:
			abandoned = true
		}
		return callResult{err: context.Cause(ctx), unsure: true, ended: ended}
	}
}

// guarded turns a panic in f into an error.
func guarded(log *slog.Logger, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("panic in a profile", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f()
}

// each calls f for 0..n-1 at once and waits for all.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
