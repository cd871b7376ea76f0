package plugintest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// manyRequests of manySteps make a million events: each step is two spans and an instant, and each request adds some.
const manyRequests = 100

// many exports a million events.
func (c profilerChecks) many(ctx context.Context, p *Plugin) error {
	return c.export(ctx, p, job{id: "20260101-000000-aaaaaa", record: func(r *Recording) {
		for i := range manyRequests {
			r.Request(fmt.Sprintf("req-%d", i), manySteps)
		}
	}})
}

// damaged exports a recording whose middle was overwritten: what can be read is exported, and the profile is finished.
func (c profilerChecks) damaged(ctx context.Context, p *Plugin) error {
	dir, recordingDir, remove, err := folders()
	if err != nil {
		return err
	}
	defer remove()
	segments, events, err := record(recordingDir, requestsOf(500)) // so many that the middle of the file is events and not names
	if err != nil {
		return err
	}
	if err := overwrite(filepath.Join(recordingDir, segments[1])); err != nil {
		return err
	}
	if err := p.Open(ctx, describeProfile("a", dir, 0), recordingDir); err != nil {
		return err
	}
	artifacts, processes, err := p.Finish(ctx, segments...)
	if err != nil {
		return fmt.Errorf("a recording with damage in it must still be exported: %w", err)
	}
	var read, corrupt uint64
	for _, s := range processes {
		read += s.Events
		corrupt += s.Lost.Corrupt
	}
	if read == 0 || read >= events || corrupt == 0 {
		return fmt.Errorf("of %d events in a damaged recording it read %d and counted %d corrupt", events, read, corrupt)
	}
	return checkFiles(dir, artifacts, 0)
}

// overwrite damages the middle of a file.
func overwrite(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		junk := make([]byte, 3000)
		for i := range junk {
			junk[i] = byte(i*7 + 1)
		}
		_, err = f.WriteAt(junk, info.Size()/2&^7)
	}
	return errors.Join(err, f.Close())
}

// cancelledFinish gives up on a Finish; the next profile must work all the same.
func (c profilerChecks) cancelledFinish(ctx context.Context, p *Plugin) error {
	_, recordingDir, remove, err := opened(ctx, p)
	if err != nil {
		return err
	}
	defer remove()
	segments, _, err := record(recordingDir, requestsOf(200))
	if err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	_, _, _ = p.Finish(short, segments...) // it may have been quick enough
	if err := p.Abort(ctx); err != nil {
		return fmt.Errorf("abort after a cancelled finish: %w", err)
	}
	return c.profile(ctx, p, "b", 2, 0)
}
