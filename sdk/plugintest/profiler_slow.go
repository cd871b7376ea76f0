package plugintest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A plugin that stands still must not hold up the caller of Finish for longer than that one's patience, give or take what a
// busy machine adds.
const (
	slowPatience = 300 * time.Millisecond
	slowMargin   = 5 * time.Second
)

// slow is a profiler that gets nowhere while the profile runs: it stands still in Consume. A caller that has no more
// patience is let go, and the next profile works; one that waits gets everything.
func (c profilerChecks) slow(ctx context.Context, p *Plugin) error {
	if p.pause == nil {
		return fmt.Errorf("%w: it cannot be paused", ErrSkipped)
	}
	if err := c.impatient(ctx, p); err != nil {
		return err
	}
	var resume func()
	err := c.export(ctx, p, job{id: "b", record: func(r *Recording) {
		var err error
		if resume, err = p.pause(); err != nil {
			return
		}
		requestsOf(200)(r)
	}, finish: func() {
		if resume != nil {
			time.AfterFunc(slowPatience, resume)
		}
	}})
	if err != nil {
		return fmt.Errorf("after it stood still for a while: %w", err)
	}
	return nil
}

// impatient gives up on a profiler that stands still.
func (c profilerChecks) impatient(ctx context.Context, p *Plugin) error {
	_, recordingDir, remove, err := opened(ctx, p)
	if err != nil {
		return err
	}
	defer remove()
	resume, err := p.pause()
	if err != nil {
		return err
	}
	defer resume()
	segments, _, err := record(recordingDir, func(r *Recording) { r.Request("req-1", 20) })
	if err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, slowPatience)
	defer cancel()
	began := time.Now()
	_, _, err = p.Finish(short, segments...)
	switch took := time.Since(began); {
	case err == nil:
		return errors.New("it finished though it stood still")
	case took > slowPatience+slowMargin:
		return fmt.Errorf("finish came back after %s, its caller had %s", took, slowPatience)
	}
	resume()
	if err := p.Abort(ctx); err != nil {
		return fmt.Errorf("abort after a finish that was given up: %w", err)
	}
	return nil
}

// errorInTheMiddle takes the folder away while the profile runs: Finish must say that it could not write, and the next
// profile must work.
func (c profilerChecks) errorInTheMiddle(ctx context.Context, p *Plugin) error {
	if c.o.NoArtifacts {
		return fmt.Errorf("%w: it makes no artifacts", ErrSkipped)
	}
	base, recordingDir, remove, err := folders()
	if err != nil {
		return err
	}
	defer remove()
	dir := filepath.Join(base, "profile")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := p.Open(ctx, describeProfile("a", dir, 0), recordingDir); err != nil {
		return err
	}
	segments, _, err := record(recordingDir, func(r *Recording) {
		r.Request("req-1", 20)
		err = errors.Join(os.Rename(dir, dir+".gone"), os.WriteFile(dir, nil, 0o600)) // nothing can be made at its place
		r.Request("req-2", 20)
	})
	if err != nil {
		return err
	}
	if made, _, err := p.Finish(ctx, segments...); err == nil {
		return fmt.Errorf("its folder was taken away, and it finished without an error: %+v", made)
	}
	if _, err := p.Describe(ctx); err != nil {
		return fmt.Errorf("after an error while it finished: %w", err)
	}
	if err := c.profile(ctx, p, "b", 2, 0); err != nil {
		return fmt.Errorf("the profile after one that failed: %w", err)
	}
	return nil
}
