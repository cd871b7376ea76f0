package plugintest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/recording"
)

// Recording is turned on and off in flight at most so often, with a pause between: each time makes a file.
const (
	flightRecordings = 50
	flightPause      = 2 * time.Millisecond
)

// record checks that a recording of a request holds spans that carry its id.
func (c modelChecks) record(ctx context.Context, p *Plugin) error {
	_, r, err := c.ready(ctx, p)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "plugintest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r.Flow = 77
	if err := p.StartRecording(ctx, filepath.Join(dir, "rank.seg")); err != nil {
		return err
	}
	if _, err := p.Generate(ctx, r, nil); err != nil {
		return err
	}
	if _, err := p.StopRecording(ctx); err != nil {
		return err
	}
	spans, foreign, flows := 0, 0, 0
	_, err = recording.Read(ctx, dir, func(b *recording.Batch) error {
		for e := range b.All() {
			switch {
			case e.Kind == recording.FlowIn && e.Flow == r.Flow:
				flows++
			case e.Kind == recording.Span && e.Request == r.ID:
				spans++
			case e.Kind == recording.Span:
				foreign++
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case spans == 0:
		return fmt.Errorf("no span of the request was recorded (%d without its id): use Track.SetRequest(req.ID)", foreign)
	case flows != 1:
		return fmt.Errorf("the request's flow arrived %d times: call Track.FlowIn(req.Flow) in the outermost span", flows)
	}
	return nil
}

// recordInFlight turns recording on and off while a request runs.
func (c modelChecks) recordInFlight(ctx context.Context, p *Plugin) error {
	_, r, err := c.ready(ctx, p)
	if err != nil {
		return err
	}
	return tried(func() error { return recordOnce(ctx, p, r) })
}

func recordOnce(ctx context.Context, p *Plugin, r *model.Request) error {
	dir, err := os.MkdirTemp("", "plugintest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	done := make(chan error, 1)
	began := time.Now()
	go func() {
		_, err := p.Generate(ctx, r, nil)
		done <- err
	}()
	turned := 0 // on and off
	for running := true; running; {
		if turned < flightRecordings {
			if err := onAndOff(ctx, p, filepath.Join(dir, fmt.Sprintf("%d.seg", turned))); err != nil {
				return errors.Join(fmt.Errorf("while a request runs: %w", err), <-done)
			}
			turned++
		}
		select {
		case err = <-done:
			running = false
		case <-time.After(flightPause):
		}
	}
	whole := time.Since(began)
	switch {
	case err != nil:
		return err
	case turned < 2 && whole >= wholeCall:
		return fmt.Errorf("%w: a request took %s, and meanwhile recording could not be turned on and off", errLate, whole)
	}
	return readable(ctx, dir)
}

func onAndOff(ctx context.Context, p *Plugin, segment string) error {
	if err := p.StartRecording(ctx, segment); err != nil {
		return err
	}
	_, err := p.StopRecording(ctx)
	return err
}

// readable is that every segment in dir is whole.
func readable(ctx context.Context, dir string) error {
	read, err := recording.Read(ctx, dir, func(*recording.Batch) error { return nil })
	for _, s := range read {
		if s.Error != "" || s.Lost.Corrupt > 0 {
			err = errors.Join(err, fmt.Errorf("a recording that was made while a request ran cannot be read: %d corrupt events %s", s.Lost.Corrupt, s.Error))
		}
	}
	return err
}
