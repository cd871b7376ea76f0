package plugintest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/diag"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Limits of calls while testing: a plugin that hangs is found soon. Finish exports a million events, which takes seconds on a
// machine with nothing else to do, and minutes on a busy one that emulates another.
var timeouts = wire.Timeouts{
	Describe: 10 * time.Second, Configure: 10 * time.Second, Load: 2 * time.Minute, Generate: 2 * time.Minute,
	Record: 10 * time.Second, Open: 10 * time.Second, Finish: 4 * time.Minute, Close: 10 * time.Second,
}

// Plugin is a running plugin, called as a host calls it. Close it.
type Plugin struct {
	client *wire.Client
	end    func(context.Context) error
	once   sync.Once
	ended  error

	// pause has the plugin stand still, in the middle of whatever it does, until resume is called; nil when that cannot be.
	pause   func() (resume func(), err error)
	command []string // nil in memory
}

// Start starts a fresh plugin.
type Start func(ctx context.Context) (*Plugin, error)

// StartModel serves a model in this process; each start asks fresh for a new one.
func StartModel(fresh func() model.Model) Start {
	return func(context.Context) (*Plugin, error) {
		m := fresh()
		return inMemory(wire.NewModelService(m, quiet), wire.KindModel, m.Describe().Name)
	}
}

// StartProfiler serves a profiler in this process; each start asks fresh for a new one.
func StartProfiler(fresh func() (profiler.Profiler, profiler.Description)) Start {
	return func(context.Context) (*Plugin, error) {
		p, d := fresh()
		g := &gate{}
		m, err := inMemory(wire.NewProfilerService(g.before(p), d, quiet), wire.KindProfiler, d.Name)
		if err == nil {
			m.pause = g.close
		}
		return m, err
	}
}

var quiet = slog.New(slog.DiscardHandler)

func inMemory(s wire.Service, kind, name string) (*Plugin, error) {
	return faulty(wire.Fault{}, s, kind, name)
}

func faulty(f wire.Fault, s wire.Service, kind, name string) (*Plugin, error) {
	m, err := f.InMemory(s, kind, name, quiet, timeouts)
	if err != nil {
		return nil, err
	}
	return &Plugin{client: &m.Client, end: m.Close}, nil
}

// StartCommand runs a program as a server would: handshake, mutual TLS, its own process group. log takes what the
// plugin logs; nil throws it away.
func StartCommand(log *slog.Logger, command ...string) Start {
	return func(ctx context.Context) (*Plugin, error) {
		host, err := wire.NewHost("")
		if err != nil {
			return nil, err
		}
		p, err := host.Launch(ctx, wire.Spec{Name: "under test", Command: command, Log: log, Timeouts: timeouts})
		if err != nil {
			return nil, errors.Join(err, host.Close())
		}
		return &Plugin{client: &p.Client, command: command, end: func(ctx context.Context) error {
			return errors.Join(p.Close(ctx), host.Close())
		}, pause: func() (func(), error) { return suspend(p.PID()) }}, nil
	}
}

// Close ends the plugin as a host would. It may be called again.
func (p *Plugin) Close(ctx context.Context) error {
	p.once.Do(func() { p.ended = p.end(ctx) })
	return p.ended
}

// Described is what a plugin says of itself.
type Described struct {
	Kind, Name, Version, Summary string
	Capabilities                 []string
	Keys                         []string // of its configuration
}

// Describe asks the plugin what it is.
func (p *Plugin) Describe(ctx context.Context) (Described, error) {
	d, err := p.client.Describe(ctx)
	out := Described{Kind: d.Kind, Name: d.Name, Version: d.Version, Summary: d.Summary, Capabilities: d.Capabilities}
	for _, a := range d.Config {
		out.Keys = append(out.Keys, a.Name)
	}
	return out, err
}

// Configure gives the plugin its values: nil, string, bool, int64, float64, []any, map[string]any. What it finds wrong
// is no error.
func (p *Plugin) Configure(ctx context.Context, values map[string]any) (diag.List, error) {
	return p.client.Configure(ctx, values)
}

// Load makes a model ready, as rank 0 of the first and only stage.
func (p *Plugin) Load(ctx context.Context) (model.Info, error) {
	return p.client.Load(ctx, model.Rank{Model: "test", StageName: "stage", Replicas: 1})
}

// Generate runs one request. progress may be nil.
func (p *Plugin) Generate(ctx context.Context, r *model.Request, progress func(model.Progress)) (*model.Result, error) {
	return p.client.Generate(ctx, r, progress)
}

// StartRecording makes a model write events into a new segment file at path.
func (p *Plugin) StartRecording(ctx context.Context, path string) error {
	_, err := p.client.StartRecording(ctx, trace.Start{Path: path, MaxBytes: 64 << 20})
	return err
}

// StopRecording ends it.
func (p *Plugin) StopRecording(ctx context.Context) (trace.Stats, error) {
	return p.client.StopRecording(ctx)
}

// Open starts a profile on a profiler: artifacts into profile.Dir, events from the segments in recordingDir.
func (p *Plugin) Open(ctx context.Context, profile profiler.Profile, recordingDir string) error {
	return p.client.Open(ctx, wire.OpenRequest{Profile: profile, RecordingDir: recordingDir})
}

// Finish completes the open profile. segments are the files that must be in the recording's folder. Beside an error of
// the export the summaries of what was read still come.
func (p *Plugin) Finish(ctx context.Context, segments ...string) ([]profiler.Artifact, []recording.Summary, error) {
	r, err := p.client.Finish(ctx, wire.FinishRequest{Stopped: time.Now(), Segments: segments})
	return r.Artifacts, r.Processes, err
}

// Abort abandons the open profile.
func (p *Plugin) Abort(ctx context.Context) error { return p.client.Abort(ctx) }

// configure is Configure with findings as errors.
func (p *Plugin) configure(ctx context.Context, values map[string]any) error {
	found, err := p.Configure(ctx, values)
	if err != nil {
		return err
	}
	return found.Err()
}

// describesTwice is the first promise of both kinds.
func describesTwice(ctx context.Context, p *Plugin, kind string) error {
	a, err := p.Describe(ctx)
	if err != nil {
		return err
	}
	b, err := p.Describe(ctx)
	if err != nil {
		return err
	}
	switch {
	case a.Kind != kind:
		return fmt.Errorf("it is a %s, not a %s", a.Kind, kind)
	case a.Name == "":
		return errors.New("it has no name")
	case a.Version == "":
		return errors.New("it has no version")
	case a.Name != b.Name || a.Version != b.Version || !slices.Equal(a.Keys, b.Keys):
		return fmt.Errorf("it described itself as %+v and then as %+v", a, b)
	}
	return nil
}

// findsUnknownKey is that a misspelt key is found at its path, and that good values are taken afterwards.
func findsUnknownKey(ctx context.Context, p *Plugin, good map[string]any) error {
	const key = "no_such_key_at_all"
	bad := map[string]any{key: true}
	for k, v := range good {
		bad[k] = v
	}
	found, err := p.Configure(ctx, bad)
	if err != nil {
		return fmt.Errorf("findings are data, not errors: %w", err)
	}
	if !slices.ContainsFunc(found, func(d diag.Diagnostic) bool {
		return d.Severity == diag.Error && slices.Equal(d.Path, diag.Path{key})
	}) {
		return fmt.Errorf("it did not find the unknown key %q: %v", key, found)
	}
	if err := p.configure(ctx, good); err != nil {
		return fmt.Errorf("after bad values it does not take good ones: %w", err)
	}
	return nil
}
