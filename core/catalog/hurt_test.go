package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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

// hurt is a server's plugins one of which misbehaves: rank 0 of the first stage, or the profiler "evil". The others are to
// serve on.
type hurt struct {
	t   *testing.T
	c   *catalog.Catalog
	log *logBuffer
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
	h := &hurt{t: t, log: &logBuffer{}}
	o := options(t, h.log.logger())
	o.Timeouts = wire.Timeouts{Open: 2 * time.Second, Close: time.Second}
	o.Restarts.Deaths = 1000
	o.Builtins = append(o.Builtins, catalog.Builtin{Kind: "model", Name: "evil"}, catalog.Builtin{Kind: "profiler", Name: "evil"})
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

func (h *hurt) rank(i int) *catalog.Rank { return h.c.Stages()[0].Ranks[i] }

// serves holds that everybody else serves and profiles.
func (h *hurt) serves() {
	h.t.Helper()
	res, err := h.rank(1).Generate(h.t.Context(), &model.Request{}, nil)
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

// profile makes a profile with one event.
func (h *hurt) profile(name, label string) (wire.FinishReply, error) {
	h.t.Helper()
	p, err := h.c.Profiler(name)
	if err != nil {
		h.t.Fatal(err)
	}
	dir := h.t.TempDir()
	if err := p.Open(h.t.Context(), wire.OpenRequest{Profile: profiler.Profile{ID: "x", Dir: h.t.TempDir(), Label: label}, RecordingDir: dir}); err != nil {
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

// is the row of the plugin, of rank 0 or of a profiler.
func (h *hurt) info(name string) catalog.PluginInfo {
	for _, p := range h.c.Plugins() {
		if p.Name == name {
			return p
		}
	}
	h.t.Fatalf("no plugin %s", name)
	return catalog.PluginInfo{}
}

func (h *hurt) up() {
	h.t.Helper()
	eventually(h.t, "rank 0 is up", func() bool { return h.rank(0).Err() == nil })
}

// TestGenerateHurtsNobody: whatever a model does in Generate, its own request hears of it by name, and the rank comes back.
func TestGenerateHurtsNobody(t *testing.T) {
	tests := map[string]struct {
		text   string
		is     error
		dies   string // the reason of the death; empty: it lives on
		linux  bool
		cancel bool // the caller goes away meanwhile
	}{
		"exit":              {text: "exited with status 7", dies: catalog.DeathExit},
		"panic":             {text: "generate: panic: oh dear"},
		"panic elsewhere":   {text: "panic: oh dear", dies: catalog.DeathExit},
		"hang":              {text: "it makes no progress: no step ended within 2s (progress_timeout)", is: wire.ErrStalled, dies: catalog.DeathHang},
		"hang, cancelled":   {text: "context canceled", is: context.Canceled, dies: catalog.DeathHang, cancel: true},
		"memory":            {text: "its max_memory is 128 MiB", is: wire.ErrMemory, dies: catalog.DeathMemory, linux: true},
		"memory of a child": {text: "its max_memory is 128 MiB", is: wire.ErrMemory, dies: catalog.DeathMemory, linux: true},
		"stderr":            {},
		"hostile stderr":    {},
	}
	abreast(t, tests, func(t *testing.T, name string) {
		test := tests[name]
		if test.linux && runtime.GOOS != "linux" {
			t.Skip("looks into /proc")
		}
		text := strings.ReplaceAll(hurtConfig, "PLUGIN", "evil")
		if name == "hang" {
			text = strings.Replace(text, `progress_timeout = "1m"`, `progress_timeout = "2s"`, 1)
		}
		h := hurtBy(t, text, nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if test.cancel {
			time.AfterFunc(50*time.Millisecond, cancel)
		}
		prompt, _, _ := strings.Cut(name, ",")
		_, err := h.rank(0).Generate(ctx, &model.Request{Prompt: prompt}, nil)
		if got := fmt.Sprint(err); test.text != "" && !strings.Contains(got, test.text) || test.text == "" && err != nil {
			t.Errorf("Generate = %v, want %q in it", err, test.text)
		}
		if test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%v is not %v", err, test.is)
		}
		h.serves()
		if test.dies != "" {
			eventually(t, "the death is known", func() bool { return h.info("evil").Deaths[test.dies] == 1 })
		}
		h.up()
		if _, err := h.rank(0).Generate(t.Context(), &model.Request{}, nil); err != nil {
			t.Error("afterwards:", err)
		}
		i := h.info("evil")
		if died := test.dies != ""; (i.LastError != "") != died || (i.Restarts == 1) != died || i.State != catalog.StateUp {
			t.Errorf("%+v", i)
		}
		if name == "stderr" {
			eventually(t, "lines are counted that were not logged", func() bool { return h.info("evil").LogLinesLost > 1000 })
		}
	})
}

// TestProfilersHurtNobody: whatever a profiler does, its profile hears of it, and the next one has it again.
func TestProfilersHurtNobody(t *testing.T) {
	tests := map[string]string{
		"open exit":    "profiler(evil): exited with status 7",
		"open panic":   "profiler(evil): open: panic: oh dear",
		"open hang":    "profiler(evil): open: no answer in time (2s)",
		"consume hang": "profiler(evil): finish: no answer in time (2s)", // one that never reads
		"consume exit": "profiler(evil): exited with status 7",
		"finish exit":  "profiler(evil): exited with status 7",
		"finish panic": "profiler(evil): finish: panic: oh dear",
		"finish hang":  "profiler(evil): finish: no answer in time (2s)",
	}
	abreast(t, tests, func(t *testing.T, label string) {
		want := tests[label]
		h := newHurt(t, "tint", "", nil)
		if _, err := h.profile("evil", label); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		h.serves()
		if _, err := h.profile("evil", ""); err != nil {
			t.Error("the next profile:", err)
		}
		if i := h.info("evil"); i.LastError == "" || i.State != catalog.StateUp {
			t.Errorf("%+v", i)
		}
	})
}

// TestCallsOfALoad: a crash, a panic or a hang in any call of a load is one named error, and nothing is left.
func TestCallsOfALoad(t *testing.T) {
	tests := map[string]string{
		"describe-exit": "exited with status 7", "describe-panic": "describe: panic: oh dear", "describe-hang": "describe: no answer in time",
		"configure-exit": "exited with status 7", "configure-panic": "configure: panic: oh dear", "configure-hang": "configure: no answer in time",
		"load-exit": "exited with status 7", "load-panic": "load: panic: oh dear", "load-hang": "load: no answer in time",
	}
	abreast(t, tests, func(t *testing.T, fault string) {
		want := tests[fault]
		o := options(t, nil)
		o.Builtins = append(o.Builtins, catalog.Builtin{Kind: "model", Name: "evil-" + fault})
		o.Timeouts = wire.Timeouts{Describe: 5 * time.Second, Configure: 5 * time.Second, Load: 5 * time.Second, Close: 100 * time.Millisecond}
		if strings.HasSuffix(fault, "hang") {
			o.Timeouts.Describe, o.Timeouts.Configure, o.Timeouts.Load = 2*time.Second, 2*time.Second, 2*time.Second
		}
		cfg := parse(t, "model \"m\" {\n  stage \"s\" {\n    plugin = \"evil\"\n  }\n}")
		cfg.Models[0].Stages[0].Plugin = "evil-" + fault
		_, err := catalog.Load(t.Context(), cfg, o)
		if err == nil || !strings.Contains(err.Error(), "model(evil-"+fault+"): ") || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

// TestSuccessorsThatCannotStart: a program that was replaced while it served keeps its own rank down, by name, and nobody else;
// with the right one back a restart on request is all that is needed.
func TestSuccessorsThatCannotStart(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := func(text string) func(path string) error {
		return func(path string) error { return os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700) }
	}
	serve := func(what string) func(string) error { return script("exec " + self + " plugin serve " + what) }
	tests := map[string]struct {
		make func(path string) error
		text string
	}{
		"missing":                     {os.Remove, "no such program"},
		"not executable":              {func(path string) error { return os.Chmod(path, 0o600) }, "not executable"},
		"another machine's":           {func(path string) error { return os.WriteFile(path, []byte("\x7fELF nonsense"), 0o700) }, "built for another kind of machine?"},
		"prints before the handshake": {script("echo hello"), `printed to standard output before the handshake: "hello"`},
		"no handshake":                {script("exec sleep 100"), "no handshake within " + patience.String()},
		"another protocol":            {script("echo '1|99|unix|/x|grpc|" + strings.Repeat("x", 60) + "'; exec sleep 100"), "speaks another protocol version: 99"},
		"another kind":                {serve("profiler count"), "it is a profiler plugin, the configuration needs a model plugin"},
		"crashes in Load":             {serve("model evil-load-exit"), "exited with status 7"},
	}
	abreast(t, tests, func(t *testing.T, name string) {
		test := tests[name]
		path := filepath.Join(t.TempDir(), "plugin")
		good := serve("model evil")
		if err := good(path); err != nil {
			t.Fatal(err)
		}
		h := newHurt(t, "outside", "plugin \"outside\" {\n  kind = \"model\"\n  command = [\""+path+"\"]\n}\n", func(o *catalog.Options) {
			o.Timeouts.Start, o.Timeouts.Load = patience, patience
		})
		if err := replace(path, test.make); err != nil {
			t.Fatal(err)
		}
		if _, err := h.rank(0).Generate(t.Context(), &model.Request{Prompt: "exit"}, nil); err == nil {
			t.Fatal("it lives")
		}
		eventually(t, "the reason is known", func() bool {
			return strings.Contains(h.info("outside").LastError, test.text) && deaths(h.info("outside")) > 1
		})
		h.serves()
		if i := h.info("outside"); i.State != catalog.StateDown {
			t.Errorf("%+v", i)
		}
		if err := replace(path, good); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is restarted", func() bool { return h.c.Restart(t.Context(), "outside") == nil })
		h.up()
		h.serves()
	})
}

func deaths(i catalog.PluginInfo) (n int) {
	for _, some := range i.Deaths {
		n += some
	}
	return n
}

// replace puts another file in the place of a program, at once.
func replace(path string, make func(string) error) error {
	if make == nil {
		return nil
	}
	next := path + ".next"
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(next, b, 0o700)
	}
	if os.IsNotExist(err) {
		err = nil
	}
	if err == nil {
		err = make(next)
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(next); os.IsNotExist(err) {
		return os.Remove(path)
	}
	return os.Rename(next, path)
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
