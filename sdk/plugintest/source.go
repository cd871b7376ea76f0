package plugintest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// SourceSegment is the file that a profiler that measures records into, in the recording's folder.
const SourceSegment = "profiler_test.seg"

// sourceTime is how long a profiler may measure before it must have recorded something.
const sourceTime = 500 * time.Millisecond

// OpenSource is Open for a profiler that measures: it records into [SourceSegment] until StopSource.
func (p *Plugin) OpenSource(ctx context.Context, profile profiler.Profile, recordingDir string) error {
	return p.client.Open(ctx, wire.OpenRequest{Profile: profile, RecordingDir: recordingDir,
		Source: &wire.Source{Path: filepath.Join(recordingDir, SourceSegment), MaxBytes: 16 << 20, Name: "test"}})
}

// StopSource ends the measuring. problem says why it had ended before; it is empty when it had not.
func (p *Plugin) StopSource(ctx context.Context) (s trace.Stats, problem string, err error) {
	r, err := p.client.StopSource(ctx)
	return r.Stats, r.Problem, err
}

// measure is what a profiler that measures promises.
func (c profilerChecks) measure(ctx context.Context, p *Plugin) error {
	d, err := p.client.Describe(ctx)
	if err != nil {
		return err
	}
	if !d.Has(wire.CapabilitySource) {
		return fmt.Errorf("%w: it does not measure", ErrSkipped)
	}
	for range 2 { // a second profile is measured like the first
		if err := c.measureOnce(ctx, p); err != nil {
			return err
		}
	}
	if err := c.notAsked(ctx, p); err != nil {
		return err
	}
	return c.abortMeasuring(ctx, p)
}

func (c profilerChecks) measureOnce(ctx context.Context, p *Plugin) error {
	_, _, remove, err := openedBy(c.source(ctx, p))
	if err != nil {
		return err
	}
	defer remove()
	if c.o.Measures {
		time.Sleep(sourceTime)
	}
	stats, problem, err := p.StopSource(ctx)
	switch {
	case err != nil:
		return err
	case problem != "":
		return fmt.Errorf("it did not measure to the end: %s", problem)
	case c.o.Measures && stats.Events == 0:
		return fmt.Errorf("it recorded nothing in %s", sourceTime)
	}
	_, processes, err := p.Finish(ctx, SourceSegment)
	if err != nil {
		return err
	}
	if len(processes) != 1 || processes[0].Error != "" || processes[0].Process.Kind != trace.ProcessProfiler || processes[0].Events != stats.Events {
		return fmt.Errorf("it recorded %d events, and of its recording it read %+v", stats.Events, processes)
	}
	return nil
}

// source opens a profile that measures.
func (profilerChecks) source(ctx context.Context, p *Plugin) func(dir, recordingDir string) error {
	return func(dir, recordingDir string) error { return p.OpenSource(ctx, measured(dir), recordingDir) }
}

// measured is a profile of this very process, which stands for core.
func measured(dir string) profiler.Profile {
	d := describeProfile("20260101-000000-aaaaaa", dir, 0)
	d.Processes = []recording.Process{{Process: trace.Process{Kind: trace.ProcessCore, Name: "core"}, PID: os.Getpid()}}
	return d
}

// notAsked is a profile for which nobody wants measurements: an export of a recording that has ended.
func (c profilerChecks) notAsked(ctx context.Context, p *Plugin) error {
	_, _, remove, err := openedBy(func(dir, recordingDir string) error { return p.Open(ctx, measured(dir), recordingDir) })
	if err != nil {
		return err
	}
	defer remove()
	if _, _, err := p.StopSource(ctx); err == nil {
		return errors.New("it measured though it was not asked to")
	}
	_, _, err = p.Finish(ctx)
	return err
}

func (c profilerChecks) abortMeasuring(ctx context.Context, p *Plugin) error {
	dir, _, remove, err := openedBy(c.source(ctx, p))
	if err != nil {
		return err
	}
	defer remove()
	if err := p.Abort(ctx); err != nil {
		return fmt.Errorf("abort while it measures: %w", err)
	}
	left, err := files(dir)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("after abort it left %v", left)
	}
	return err
}
