package bench

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// Run is one measurement. Send is called from up to Config.MaxConcurrency goroutines.
type Run struct {
	Config *Config
	Send   func(context.Context, Request) Outcome
	// Done is called after each request, from any goroutine, one call at a time; nil: nobody wants to know.
	Done func()
	// Arrivals gives the time between requests in seconds, as multiples of the mean; nil: at random, exponentially.
	Arrivals func() float64
}

// Warmup runs the warm-up requests one after the other, and gives them with their outcomes. They have fewer steps than the
// others, and are not measured.
func (r *Run) Warmup(ctx context.Context, requests []Request) ([]Request, []Outcome) {
	sent := make([]Request, r.Config.WarmupRequests)
	outcomes := make([]Outcome, len(sent))
	for i := range sent {
		sent[i] = requests[i%len(requests)]
		sent[i].Steps = r.Config.WarmupSteps
		outcomes[i] = r.Send(ctx, sent[i])
	}
	return sent, outcomes
}

// Measure sends the requests at the rate and the concurrency that are configured. It gives each one's outcome, in their
// order, and the time from the first request to the last reply. When ctx ends, what is left fails with its cause.
func (r *Run) Measure(ctx context.Context, requests []Request) ([]Outcome, time.Duration) {
	outcomes := make([]Outcome, len(requests))
	slots := make(chan struct{}, r.Config.MaxConcurrency)
	var wg sync.WaitGroup
	var mu sync.Mutex
	began := time.Now()
	for i, req := range requests {
		if i > 0 {
			r.pause(ctx)
		}
		wg.Go(func() {
			outcomes[i] = r.one(ctx, slots, req)
			if r.Done != nil {
				mu.Lock()
				defer mu.Unlock()
				r.Done()
			}
		})
	}
	wg.Wait()
	return outcomes, time.Since(began)
}

// one waits for a slot, which is not part of the latency, and sends.
func (r *Run) one(ctx context.Context, slots chan struct{}, req Request) Outcome {
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return Outcome{Err: context.Cause(ctx)}
	}
	if ctx.Err() != nil { // a free slot and an end may come together
		return Outcome{Err: context.Cause(ctx)}
	}
	out := r.Send(ctx, req)
	out.SLOMet = out.Err == nil && req.SLO != nil && out.Latency.Seconds()*1000 <= *req.SLO
	return out
}

// pause waits for the next arrival.
func (r *Run) pause(ctx context.Context) {
	if math.IsInf(r.Config.RequestRate, 1) {
		return
	}
	next := r.Arrivals
	if next == nil {
		next = rand.ExpFloat64
	}
	wait := time.NewTimer(time.Duration(next() / r.Config.RequestRate * float64(time.Second)))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}
