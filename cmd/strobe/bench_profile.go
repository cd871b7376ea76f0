//go:build !windows

package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/bench"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

// benchProfile is the profile around a benchmark. It is started by the route that vLLM's servers have too, without a body,
// as the original does, so that a benchmark of another server can be profiled. It is stopped only if it was started.
type benchProfile struct {
	bench   *benchCommand
	client  *client.Client
	started bool
	id      string          // empty when the server gave none
	result  *client.Profile // nil until stopped, and for a server that gives none
	err     error
}

func (p *benchProfile) start(ctx context.Context) {
	if !p.bench.profile {
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("no answer within %s", startTimeout))
	defer cancel()
	if p.bench.options.given() {
		p.startWith(ctx)
		return
	}
	raw, err := p.client.Post(ctx, "/start_profile", "", nil, nil)
	if err != nil {
		p.err = fmt.Errorf("start the profile: %w", err)
		p.bench.complain("Profiling could not be started: %s", err)
		return
	}
	p.started = true
	var reply struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(raw, &reply) == nil { // vLLM answers nothing at all
		p.id = reply.ID
	}
	p.bench.say("Profiling started on server.")
}

// startWith starts a profile with options, which only our own servers know.
func (p *benchProfile) startWith(ctx context.Context) {
	in, err := p.bench.options.request()
	var started *client.Profile
	if err == nil {
		started, err = p.client.StartProfile(ctx, in)
	}
	if err != nil {
		p.err = fmt.Errorf("start the profile: %w", err)
		p.bench.complain("Profiling could not be started: %s", err)
		return
	}
	p.started, p.id = true, started.ID
	p.bench.say("Profiling started on server.")
}

// stop goes on when ctx has ended: what was started is stopped.
func (p *benchProfile) stop(ctx context.Context) {
	if !p.started {
		return
	}
	if p.id != "" {
		p.result, p.err = stopProfile(ctx, p.client, p.id)
	} else {
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), stopTimeout, fmt.Errorf("no answer within %s", stopTimeout))
		defer cancel()
		_, p.err = p.client.Post(ctx, "/stop_profile", "", nil, nil)
	}
	if p.err != nil {
		p.err = fmt.Errorf("stop the profile: %w", p.err)
		p.bench.complain("Profiling could not be stopped: %s", p.err)
		return
	}
	p.bench.say("Profiling stopped on server. Trace files saved.")
}

// metrics is what the figures say of the profile; nil when none was asked for.
func (p *benchProfile) metrics() *bench.Profile {
	if !p.bench.profile {
		return nil
	}
	m := &bench.Profile{ID: p.id}
	switch {
	case p.err != nil:
		m.Error = p.err.Error()
	case p.result != nil && p.result.Failed():
		m.Error = p.result.Error
	}
	return m
}

// report prints where the time went, and is the error of a profile that failed.
func (p *benchProfile) report(ctx context.Context) error {
	switch {
	case p.err != nil:
		return p.err
	case p.result == nil:
		return nil
	case p.bench.remote.json:
		return profileFailure(p.result)
	}
	p.bench.say("")
	return report(ctx, p.bench.io.out, p.client, p.result)
}
