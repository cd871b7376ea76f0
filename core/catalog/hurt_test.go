package catalog_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// hurt is a server's plugins some of which misbehave. The others are to serve on: the last rank of the first stage, that of the
// second stage, and the profiler "count".
type hurt struct {
	t       *testing.T
	c       *catalog.Catalog
	log     *logBuffer
	serving *sync.Mutex // a profiler has one profile open at a time
}

const hurtConfig = `
server {
  model     = "m"
  profilers = ["count", "evil"]
}
model "m" {
  stage "first" {
    plugin   = "PLUGIN"
    replicas = 2

    progress_timeout = "1m"
    cancel_timeout   = "200ms"
    max_memory       = "128MiB"
  }
  stage "second" {
    plugin = "change"
  }
}
profiler "count" {
}
profiler "evil" {
  finish_timeout = "2s"
}
`

func newHurt(t *testing.T, plugin, more string, change func(*catalog.Options)) *hurt {
	t.Helper()
	return hurtBy(t, strings.ReplaceAll(hurtConfig, "PLUGIN", plugin)+more, change)
}

func hurtBy(t *testing.T, config string, change func(*catalog.Options)) *hurt {
	t.Helper()
	h := &hurt{t: t, log: &logBuffer{}, serving: &sync.Mutex{}}
	o := options(t, h.log.logger())
	// Many start at once, and what hangs is to be known soon.
	o.Timeouts = wire.Timeouts{Start: time.Minute, Describe: time.Minute, Configure: time.Minute, Open: impatience, Record: impatience, Close: time.Second}
	o.Restarts.Deaths = 1000
	for _, name := range []string{"evil", "evil-close-hang", "hostile"} {
		o.Builtins = append(o.Builtins, catalog.Builtin{Kind: "model", Name: name})
	}
	for _, name := range []string{"evil", "evil-probe-hang"} {
		o.Builtins = append(o.Builtins, catalog.Builtin{Kind: "profiler", Name: name})
	}
	if change != nil {
		change(&o)
	}
	c, err := catalog.Load(t.Context(), parse(t, config), o)
	if err != nil {
		t.Fatal(err)
	}
	h.c = c
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil && !wire.Hung(err) {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(h.log.String())
		}
	})
	return h
}

// in is h for a subtest.
func (h *hurt) in(t *testing.T) *hurt {
	sub := *h
	sub.t = t
	return &sub
}

func (h *hurt) rank(i int) *catalog.Rank { return h.c.Stages()[0].Ranks[i] }

// serves holds that everybody else serves and profiles.
func (h *hurt) serves() {
	h.t.Helper()
	h.serving.Lock()
	defer h.serving.Unlock()
	first := h.c.Stages()[0].Ranks
	res, err := first[len(first)-1].Generate(h.t.Context(), &model.Request{}, nil)
	if err != nil {
		h.t.Error("the other rank:", err)
		return
	}
	if _, err := h.c.Stages()[1].Ranks[0].Generate(h.t.Context(), &model.Request{Images: res.Images}, nil); err != nil {
		h.t.Error("the other stage:", err)
	}
	if _, err := h.profile("count", ""); err != nil {
		h.t.Error("the other profiler:", err)
	}
}

// open opens a profile, into whose folder it gives.
func (h *hurt) open(p *catalog.Profiler, label string) (dir string, err error) {
	dir = h.t.TempDir()
	return dir, p.Open(h.t.Context(), wire.OpenRequest{Profile: profiler.Profile{ID: "x", Dir: h.t.TempDir(), Label: label}, RecordingDir: dir,
		Source: &wire.Source{Path: filepath.Join(dir, "source.seg"), MaxBytes: 1 << 20, Name: "source"}})
}

// profile makes a profile with one event.
func (h *hurt) profile(name, label string) (wire.FinishReply, error) {
	h.t.Helper()
	p, err := h.c.Profiler(name)
	if err != nil {
		h.t.Fatal(err)
	}
	dir, err := h.open(p, label)
	if err != nil {
		return wire.FinishReply{}, err
	}
	rec := trace.New(trace.Options{})
	defer rec.Close()
	if err := rec.Start(trace.Start{Path: filepath.Join(dir, "core.seg"), MaxBytes: 1 << 20, Process: trace.Process{Kind: trace.ProcessCore, Name: "core"}}); err != nil {
		h.t.Fatal(err)
	}
	rec.Track("t").Begin(trace.Name("x")).End()
	if _, err := rec.Stop(); err != nil {
		h.t.Fatal(err)
	}
	return p.Finish(h.t.Context(), wire.FinishRequest{Stopped: time.Now(), Segments: []string{"core.seg"}})
}

// info is the row of the plugin, of its first rank or of a profiler.
func (h *hurt) info(name string) catalog.PluginInfo {
	for _, p := range h.c.Plugins() {
		if p.Name == name {
			return p
		}
	}
	h.t.Fatalf("no plugin %s", name)
	return catalog.PluginInfo{}
}

// row is the row of a rank.
func (h *hurt) row(r *catalog.Rank) catalog.PluginInfo {
	for _, p := range h.c.Plugins() {
		if p.Stage == r.StageName() && p.Rank != nil && *p.Rank == r.Rank() {
			return p
		}
	}
	h.t.Fatalf("no rank %s", r.Label())
	return catalog.PluginInfo{}
}

func (h *hurt) up() {
	h.t.Helper()
	h.isUp(h.rank(0))
}

func (h *hurt) isUp(r *catalog.Rank) {
	h.t.Helper()
	eventually(h.t, r.Label()+" is up", func() bool { return r.Err() == nil })
}

func deaths(i catalog.PluginInfo) (n int) {
	for _, some := range i.Deaths {
		n += some
	}
	return n
}

// abreast runs subtests that mostly wait, a few at a time whatever the number of processors.
func abreast[T any](t *testing.T, tests map[string]T, run func(t *testing.T, name string)) {
	const few = 8
	turn := make(chan struct{}, few)
	var wg sync.WaitGroup
	for name := range tests {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			t.Run(name, func(t *testing.T) { run(t, name) })
		})
	}
	wg.Wait()
}
