package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/core/config"
	"github.com/strobe-dev/strobe/internal/wire/hostile"
	"github.com/strobe-dev/strobe/sdk/diag"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/plugin"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestMain is the built-in plugins of these tests too: launched as `TESTBINARY plugin serve KIND NAME`.
func TestMain(m *testing.M) {
	if len(os.Args) == 5 && os.Args[1] == "plugin" && os.Args[2] == "serve" {
		name, fault, _ := strings.Cut(os.Args[4], "-")
		switch os.Args[3] + " " + name {
		case "model evil":
			plugin.ServeModel(newEvil(fault))
		case "profiler evil":
			plugin.ServeProfiler(newEvilProfiler(fault), profiler.Description{Name: "evil", Version: "1"})
		case "model hostile":
			hostile.Serve()
		case "model tint":
			plugin.ServeModel(&tint{makes: true})
		case "model change":
			plugin.ServeModel(&tint{})
		case "profiler count":
			plugin.ServeProfiler(&count{}, profiler.Description{Name: "count", Version: "1", Config: &countConfig})
		}
		os.Exit(0)
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // else every plugin under -race takes a second to end
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if left := leftBehind(); len(left) > 0 {
			fmt.Fprintln(os.Stderr, "plugin processes are left:", left)
			status = 1
		}
		os.Exit(status)
	}))
}

// leftBehind are the processes of this test binary that are not this one, and this one's children (Linux; none elsewhere).
func leftBehind() (left []string) {
	self, _ := os.Executable()
	files, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, file := range files {
		pid := filepath.Base(filepath.Dir(file))
		if exe, err := os.Readlink(file); err == nil && exe == self && pid != itoa(os.Getpid()) && !gone(atoi(pid)) {
			left = append(left, pid)
		}
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	return append(left, strings.Fields(string(children))...)
}

type tintConfig struct {
	Tint  int    `strobe:"tint" default:"1" max:"255"`
	Crash string `strobe:"crash" enum:"load,generate"`
}

// tint is a model that makes images of one colour, or passes them on.
type tint struct {
	makes  bool
	config tintConfig
}

func (m *tint) Describe() model.Description {
	return model.Description{Name: "tint", Version: "1", Config: &m.config}
}

func (m *tint) Load(context.Context, model.Rank, *trace.Recorder) (model.Session, error) {
	if m.config.Crash == "load" {
		return nil, errors.New("no weights")
	}
	return tintSession{m}, nil
}

type tintSession struct{ m *tint }

func (s tintSession) Info() model.Info { return model.Info{Makes: s.m.makes} }
func (s tintSession) Close() error     { return nil }
func (s tintSession) Generate(_ context.Context, req *model.Request, _ func(model.Progress)) (*model.Result, error) {
	if s.m.config.Crash == "generate" || req.Prompt == "crash" {
		os.Exit(7)
	}
	images := req.Images
	if len(images) == 0 {
		images = []model.Image{{Width: 1, Height: 1, Pixels: []byte{byte(s.m.config.Tint), 0, 0}}}
	}
	return &model.Result{Images: images}, nil
}

var countConfig struct {
	Level string `strobe:"level" default:"all" enum:"all,none"`
}

// count is a profiler that makes nothing; its Probe always warns.
type count struct{}

func (*count) Open(_ context.Context, p profiler.Profile) (profiler.Sink, error) {
	if p.Label == "crash" {
		os.Exit(7)
	}
	return countSink{}, nil
}

func (*count) Probe(context.Context) diag.List {
	return diag.List{{Severity: diag.Warning, Summary: "nothing to count"}}
}

type countSink struct{}

func (countSink) Consume(context.Context, *recording.Batch) error { return nil }
func (countSink) Finish(context.Context, profiler.Summary) ([]profiler.Artifact, error) {
	return nil, nil
}

func options(t testing.TB, log *slog.Logger) catalog.Options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return catalog.Options{Self: []string{self, "plugin", "serve"}, Log: log, Builtins: []catalog.Builtin{
		{Kind: "model", Name: "tint"}, {Kind: "model", Name: "change"}, {Kind: "profiler", Name: "count"}}}
}

// parse reads a configuration without checking plugins' names, as code that makes a Config would.
func parse(t testing.TB, text string) *config.Config {
	t.Helper()
	cfg, err := config.Parse([]byte(text), "plugins.hcl", config.Known{Models: []string{"tint", "change", "tnt", "evil", "evil-close-hang", "hostile"}, Profilers: []string{"count", "tint", "evil", "evil-probe-hang"}})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func load(t testing.TB, text string, log *slog.Logger) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load(t.Context(), parse(t, text), options(t, log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// eventually waits for what other processes do.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 4*patience; time.Sleep(20 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatal("still not: " + what)
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func gone(pid int) bool {
	b, err := os.ReadFile("/proc/" + itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(b), ") Z ")
}
