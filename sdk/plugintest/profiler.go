package plugintest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/profiler"
)

// ProfilerOptions say how to check a profiler plugin. New, Build or Command must be given, best New and Build.
type ProfilerOptions struct {
	New     func() (profiler.Profiler, profiler.Description) // makes a fresh one, for checks in memory
	Build   string                                           // the Go package of its main, for checks as a process: "."
	Command []string                                         // or its program and arguments
	Config  map[string]any                                   // sound values
	// BadConfigs are values of which each must be found wrong.
	BadConfigs []map[string]any
	// NoArtifacts says that the profiler makes no files: it sends its output elsewhere.
	NoArtifacts bool
	// Measures says that a [profiler.ProfilerWithSource] has something to measure on this machine.
	Measures bool
	// Host is a program, with arguments, that calls [RunHost]. TestProfiler needs none.
	Host []string
}

// TestProfiler checks a profiler plugin.
func TestProfiler(t *testing.T, o ProfilerOptions) {
	t.Helper()
	if isHost(t) {
		return
	}
	var start Start
	o.Host = testHost(t)
	if o.New != nil {
		start = StartProfiler(o.New)
	}
	run(t, ProfilerChecks(o), start, program(t, o.Build, o.Command))
}

// ProfilerChecks are the promises of a profiler plugin.
func ProfilerChecks(o ProfilerOptions) []Check {
	c := profilerChecks{o}
	return []Check{
		{"describe twice", kindProfiler, func(ctx context.Context, p *Plugin) error { return describesTwice(ctx, p, kindProfiler) }},
		{"unknown key", kindProfiler, func(ctx context.Context, p *Plugin) error { return findsUnknownKey(ctx, p, o.Config) }},
		{"every finding", kindProfiler, func(ctx context.Context, p *Plugin) error { return findsEverything(ctx, p, o.Config) }},
		{"bad values", kindProfiler, func(ctx context.Context, p *Plugin) error { return badValues(ctx, p, o.BadConfigs) }},
		{"open and finish", kindProfiler, c.configured(c.openAndFinish)},
		{"empty recording", kindProfiler, c.configured(c.empty)},
		{"second profile", kindProfiler, c.configured(c.second)},
		{"one at a time", kindProfiler, c.configured(c.oneAtATime)},
		{"abort", kindProfiler, c.configured(c.abort)},
		{"small max_bytes", kindProfiler, c.configured(c.smallBound)},
		{"open without finish", kindProfiler, c.configured(c.openWithoutFinish)},
		{"damaged recording", kindProfiler, c.configured(c.damaged)},
		{"cancelled finish", kindProfiler, c.configured(c.cancelledFinish)},
		{"error in the middle", kindProfiler, c.configured(c.errorInTheMiddle)},
		{"slow sink", kindProfiler, c.configured(c.slow)},
		{"every argument type", kindProfiler, c.configured(c.everyArgument)},
		{"giant names", kindProfiler, c.configured(c.giantNames)},
		{"a million events", kindProfiler, c.configured(c.many)},
		{"measure", kindProfiler, c.configured(c.measure)},
		{"host death", kindProfiler, func(ctx context.Context, p *Plugin) error { return outlivesNoHost(ctx, p, o.Host) }},
	}
}

type profilerChecks struct{ o ProfilerOptions }

// profile records requests on a configured plugin, finishes, and checks what it made.
func (c profilerChecks) profile(ctx context.Context, p *Plugin, id string, n int, maxBytes int64) error {
	return c.export(ctx, p, job{id: id, maxBytes: maxBytes, record: func(r *Recording) {
		requestsOf(n)(r)
		if n > 0 {
			r.LeaveOpen()
		}
	}})
}

// job is one profile of a check.
type job struct {
	id       string
	label    string
	maxBytes int64
	record   func(r *Recording) // nothing is recorded when nil
	finish   func()             // called right before Finish, when all is recorded; may be nil
}

// export runs a profile on a configured plugin and checks that everything was read and what was made.
func (c profilerChecks) export(ctx context.Context, p *Plugin, j job) error {
	dir, recordingDir, remove, err := folders()
	if err != nil {
		return err
	}
	defer remove()
	profile := describeProfile(j.id, dir, j.maxBytes)
	profile.Label += j.label
	if err := p.Open(ctx, profile, recordingDir); err != nil {
		return err
	}
	segments, events, err := record(recordingDir, j.record)
	if err != nil {
		return err
	}
	if j.finish != nil {
		j.finish()
	}
	artifacts, processes, err := p.Finish(ctx, segments...)
	if err != nil {
		return err
	}
	if len(processes) != len(segments) {
		return fmt.Errorf("it read %d processes, %d recorded", len(processes), len(segments))
	}
	var read uint64
	for _, s := range processes {
		read += s.Events
		if s.Error != "" {
			return fmt.Errorf("it could not read a segment: %s", s.Error)
		}
	}
	if read != events {
		return fmt.Errorf("%d events were recorded, it read %d", events, read)
	}
	if events > 0 && len(artifacts) == 0 && !c.o.NoArtifacts {
		return errors.New("it made no artifact; a profiler that sends its output elsewhere sets NoArtifacts")
	}
	return checkFiles(dir, artifacts, j.maxBytes)
}

func describeProfile(id, dir string, maxBytes int64) profiler.Profile {
	return profiler.Profile{ID: id, Dir: dir, Model: "test", Label: `a "label"`, Started: time.Now(), MaxBytes: maxBytes, Host: "testhost"}
}

// checkFiles compares the artifacts with what is on disk: nothing more, nothing less, nothing else than said.
func checkFiles(dir string, artifacts []profiler.Artifact, maxBytes int64) error {
	var sum int64
	var names []string
	for _, a := range artifacts {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(a.Name)))
		if err != nil {
			return fmt.Errorf("artifact: %w", err)
		}
		digest := sha256.Sum256(b)
		switch {
		case int64(len(b)) != a.Bytes:
			return fmt.Errorf("artifact %s has %d bytes, it says %d", a.Name, len(b), a.Bytes)
		case a.SHA256 != hex.EncodeToString(digest[:]):
			return fmt.Errorf("artifact %s has another sha256 than it says", a.Name)
		case a.MediaType == "":
			return fmt.Errorf("artifact %s has no media type", a.Name)
		case slices.Contains(names, a.Name):
			return fmt.Errorf("artifact %s is named twice", a.Name)
		}
		sum += a.Bytes
		names = append(names, a.Name)
	}
	if maxBytes > 0 && sum > maxBytes {
		return fmt.Errorf("artifacts of %d bytes, bound is %d", sum, maxBytes)
	}
	left, err := files(dir)
	if err != nil {
		return err
	}
	for _, name := range left {
		if !slices.Contains(names, name) {
			return fmt.Errorf("it left the file %s, which is no artifact", name)
		}
	}
	return nil
}

// files in a profile's folder, the recording's not.
func files(dir string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if name = filepath.ToSlash(name); !strings.HasPrefix(name, "recording/") {
			out = append(out, name)
		}
		return err
	})
	return out, err
}

// configured is a check of a plugin that has its configuration.
func (c profilerChecks) configured(check func(context.Context, *Plugin) error) func(context.Context, *Plugin) error {
	return func(ctx context.Context, p *Plugin) error {
		if err := p.configure(ctx, c.o.Config); err != nil {
			return fmt.Errorf("configure: %w", err)
		}
		return check(ctx, p)
	}
}

func (c profilerChecks) openAndFinish(ctx context.Context, p *Plugin) error {
	return c.profile(ctx, p, "20260101-000000-aaaaaa", 20, 0)
}

func (c profilerChecks) empty(ctx context.Context, p *Plugin) error {
	return c.profile(ctx, p, "20260101-000000-aaaaaa", 0, 0)
}

func (c profilerChecks) second(ctx context.Context, p *Plugin) error {
	for _, id := range []string{"20260101-000000-aaaaaa", "20260101-000001-bbbbbb"} {
		if err := c.profile(ctx, p, id, 2, 0); err != nil {
			return fmt.Errorf("profile %s: %w", id, err)
		}
	}
	return nil
}

// opened opens the profile "a" in folders of its own.
func opened(ctx context.Context, p *Plugin) (dir, recordingDir string, remove func(), err error) {
	return openedBy(func(dir, recordingDir string) error { return p.Open(ctx, describeProfile("a", dir, 0), recordingDir) })
}

// openedBy makes folders for a profile, which open opens.
func openedBy(open func(dir, recordingDir string) error) (dir, recordingDir string, remove func(), err error) {
	if dir, recordingDir, remove, err = folders(); err != nil {
		return "", "", nil, err
	}
	if err := open(dir, recordingDir); err != nil {
		remove()
		return "", "", nil, err
	}
	return dir, recordingDir, remove, nil
}

func (c profilerChecks) oneAtATime(ctx context.Context, p *Plugin) error {
	if _, _, err := p.Finish(ctx); err == nil {
		return errors.New("it finished a profile that was never opened")
	}
	dir, recordingDir, remove, err := opened(ctx, p)
	if err != nil {
		return err
	}
	defer remove()
	if err := p.Open(ctx, describeProfile("b", dir, 0), recordingDir); err == nil {
		return errors.New("it opened a second profile while one was open")
	}
	if _, _, err := p.Finish(ctx); err != nil {
		return err
	}
	if _, _, err := p.Finish(ctx); err == nil {
		return errors.New("it finished a profile twice")
	}
	return nil
}

func (c profilerChecks) abort(ctx context.Context, p *Plugin) error {
	if err := p.Abort(ctx); err != nil {
		return fmt.Errorf("abort with nothing open: %w", err)
	}
	dir, recordingDir, remove, err := opened(ctx, p)
	if err != nil {
		return err
	}
	defer remove()
	if _, _, err := record(recordingDir, func(r *Recording) { r.Request("r", 5) }); err != nil {
		return err
	}
	if err := p.Abort(ctx); err != nil {
		return err
	}
	left, err := files(dir)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("after abort it left %v: implement profiler.Aborter", left)
	}
	return c.profile(ctx, p, "b", 2, 0)
}

func (c profilerChecks) smallBound(ctx context.Context, p *Plugin) error {
	if c.o.NoArtifacts {
		return fmt.Errorf("%w: it makes no artifacts", ErrSkipped)
	}
	const bound = 16 << 10
	return c.profile(ctx, p, "20260101-000000-aaaaaa", 400, bound)
}

// openWithoutFinish leaves the rest to Close, which must end what is open.
func (c profilerChecks) openWithoutFinish(ctx context.Context, p *Plugin) error {
	dir, _, remove, err := opened(ctx, p)
	if err != nil {
		return err
	}
	defer remove()
	if err := p.Close(ctx); err != nil {
		return err
	}
	left, err := files(dir)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("after its end it left %v", left)
	}
	return err
}
