package coretest

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/model"
)

// Options of a core in a test. The zero value is usable.
type Options struct {
	Replicas  int           // ranks of the first stage; 1 when zero
	NoResize  bool          // leave the second stage out: the model makes 32x32 only
	Step      time.Duration // of the first stage
	QueueSize int           // 8 when zero
	Timeout   time.Duration // of a request
	// Profilers by name; {"chrome"} when nil. The first is the default one.
	Profilers []string
	// Profile changes the manager's options before it is made, for limits and deadlines.
	Profile  func(*profile.Options)
	Observer engine.Observer
	Log      *slog.Logger // discarded when nil
}

// Core is a small core: the model "emoji" with the stages diffusion (32x32, plugin dit) and resize (up to 1024x1024).
type Core struct {
	Engine    *engine.Engine
	Profiles  *profile.Manager
	Diffusion []*Rank
	Resize    *Rank // nil with NoResize
	CoreRank  *Rank // core's own recorder
	Exporters map[string]*Exporter
	Dir       string // where profiles are kept
}

// New makes a core that is closed when the test ends.
func New(t testing.TB, o Options) *Core {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.QueueSize == 0 {
		o.QueueSize = 8
	}
	if o.Profilers == nil {
		o.Profilers = []string{"chrome"}
	}
	c := &Core{Dir: filepath.Join(t.TempDir(), "profiles"), Exporters: map[string]*Exporter{}, CoreRank: CoreRecorder()}
	for i := range max(o.Replicas, 1) {
		r := NewRank(0, "diffusion", i)
		r.Step = o.Step
		c.Diffusion = append(c.Diffusion, r)
	}
	stages := []engine.Stage{Diffusion(c.Diffusion...)}
	if !o.NoResize {
		c.Resize = NewRank(1, "resize", 0)
		c.Resize.Steps = 0
		stages = append(stages, Resize(c.Resize))
	}
	for _, name := range o.Profilers {
		c.Exporters[name] = NewExporter(name)
	}
	c.Engine = engine.New("emoji", stages, engine.Options{QueueSize: o.QueueSize, Timeout: o.Timeout, Observer: o.Observer, Log: o.Log})
	c.Profiles = NewManager(t, c.profileOptions(o))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.Engine.Close(ctx); err != nil {
			t.Errorf("close the engine: %v", err)
		}
	})
	return c
}

func (c *Core) profileOptions(o Options) profile.Options {
	po := profile.Options{Dir: c.Dir, Model: "emoji", Core: c.CoreRank, Exporter: c.exporter, Log: o.Log}
	for _, r := range c.Diffusion {
		po.Ranks = append(po.Ranks, r)
	}
	if c.Resize != nil {
		po.Ranks = append(po.Ranks, c.Resize)
	}
	po.Profilers = o.Profilers[:min(len(o.Profilers), 1)]
	if o.Profile != nil {
		o.Profile(&po)
	}
	return po
}

func (c *Core) exporter(name string) (profile.Exporter, error) {
	x, ok := c.Exporters[name]
	if !ok {
		known := make([]string, 0, len(c.Exporters))
		for n := range c.Exporters {
			known = append(known, n)
		}
		slices.Sort(known)
		return nil, fmt.Errorf("there is no profiler %q; there are: %s", name, strings.Join(known, ", "))
	}
	return x, nil
}

// NewManager makes a manager that is closed when the test ends.
func NewManager(t testing.TB, o profile.Options) *profile.Manager {
	t.Helper()
	m, err := profile.New(o)
	if err != nil {
		t.Fatalf("make a profile manager: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := m.Close(ctx); err != nil {
			t.Errorf("close the profile manager: %v", err)
		}
	})
	return m
}

// CoreRecorder stands for core's own recorder.
func CoreRecorder() *Rank { return &Rank{Name: coreName, Process: 999, Stats: NewRank(0, "", 0).Stats} }

// Diffusion is a stage that makes images of 32x32.
func Diffusion(ranks ...*Rank) engine.Stage {
	return engine.Stage{Index: 0, Name: "diffusion", Plugin: "dit", Ranks: asRanks(ranks), Info: model.Info{
		Makes: true, Sizes: []model.Size{{Width: 32, Height: 32}}, DefaultSteps: 4, DefaultGuidance: 4, MaxSteps: 200, Parameters: 1000}}
}

// Resize is a second stage that resizes up to 1024x1024.
func Resize(ranks ...*Rank) engine.Stage {
	return engine.Stage{Index: 1, Name: "resize", Plugin: "resize", Ranks: asRanks(ranks),
		Info: model.Info{Resizes: true, Max: model.Size{Width: 1024, Height: 1024}}}
}

func asRanks(ranks []*Rank) []engine.Rank {
	out := make([]engine.Rank, len(ranks))
	for i, r := range ranks {
		out[i] = r
	}
	return out
}
