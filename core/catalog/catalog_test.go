package catalog_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/core/config"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/trace"
)

const shipped = `
server {
  model     = "m"
  profilers = ["count"]
}
model "m" {
  stage "first" {
    plugin   = "tint"
    replicas = 2
    config {
      tint = 9
    }
  }
  stage "second" {
    plugin = "change"
  }
}
profiler "count" {
}
profiler "lazy" {
  plugin = "count"
}
`

func itoa(n int) string { return strconv.Itoa(n) }

func TestLoad(t *testing.T) {
	var log logBuffer
	c := load(t, shipped, log.logger())
	stages := c.Stages()
	if len(stages) != 2 || len(stages[0].Ranks) != 2 || len(stages[1].Ranks) != 1 || !stages[0].Info.Makes {
		t.Fatalf("stages = %+v", stages)
	}
	r := stages[0].Ranks[1]
	if r.Label() != "stage_0_first_rank1" || r.Err() != nil || r.PID() == 0 {
		t.Error(r.Label(), r.Err(), r.PID())
	}
	got, err := r.Generate(t.Context(), &model.Request{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]model.Image{{Width: 1, Height: 1, Pixels: []byte{9, 0, 0}}}, got.Images); d != "" {
		t.Error(d)
	}
	var states []string
	for _, p := range c.Plugins() {
		states = append(states, p.Name+" "+p.Kind+" "+p.State+" "+p.Origin)
	}
	want := []string{"tint model up built in", "tint model up built in", "change model up built in", "count profiler up built in", "lazy profiler dormant built in"}
	if d := cmp.Diff(want, states); d != "" {
		t.Error(d)
	}
	eventually(t, "what the probe found is logged", func() bool { return strings.Contains(log.String(), "nothing to count") })
	pid := r.PID()
	if err := c.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if !gone(pid) {
		t.Error("a process is left")
	}
}

func TestProfilers(t *testing.T) {
	c := load(t, shipped, nil)
	if _, err := c.Profiler("cont"); err == nil || !strings.Contains(err.Error(), `did you mean "count"`) {
		t.Error(err)
	}
	p, err := c.Profiler("lazy")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finish(t.Context(), wire.FinishRequest{}); err == nil {
		t.Error("finished what was never opened")
	}
	if err := p.Abort(t.Context()); err != nil {
		t.Error(err)
	}
	open := func(label string) error {
		return p.Open(t.Context(), wire.OpenRequest{Profile: profiler.Profile{ID: "x", Dir: t.TempDir(), Label: label}, RecordingDir: t.TempDir()})
	}
	for range 2 {
		if err := open(""); err != nil {
			t.Fatal("open:", err)
		}
		if _, err := p.Finish(t.Context(), wire.FinishRequest{}); err != nil {
			t.Fatal("finish:", err)
		}
	}
	var exit *wire.ExitError
	if err := open("crash"); !errors.As(err, &exit) || !strings.HasPrefix(err.Error(), "profiler(lazy): exited with status 7") {
		t.Errorf("open of a crashing profiler = %v", err)
	}
	if err := open(""); err != nil {
		t.Error("a dead profiler was not started again:", err)
	}
}

func TestRankIsRestarted(t *testing.T) {
	c := load(t, shipped, nil)
	r := c.Stages()[0].Ranks[0]
	path := filepath.Join(t.TempDir(), "x.seg")
	if _, err := r.StartRecording(t.Context(), trace.Start{Path: path, MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	before := r.PID()
	var exit *wire.ExitError
	if _, err := r.Generate(t.Context(), &model.Request{Prompt: "crash"}, nil); !errors.As(err, &exit) || !strings.HasPrefix(err.Error(), "model(tint): exited with status 7") {
		t.Fatalf("generate = %v", err)
	}
	if err := r.Err(); err == nil {
		t.Error("a dead rank has no error")
	}
	eventually(t, "restarted", func() bool { return r.Err() == nil })
	if r.PID() == before {
		t.Error("same process")
	}
	if _, err := r.Generate(t.Context(), &model.Request{}, nil); err != nil {
		t.Error(err)
	}
	if _, err := r.StopRecording(t.Context()); !errors.As(err, &exit) {
		t.Errorf("the recording's process died, yet stop = %v", err)
	}
	if _, err := r.StopRecording(t.Context()); !errors.Is(err, trace.ErrNotRecording) {
		t.Errorf("second stop = %v", err)
	}
	if p := c.Plugins()[0]; p.Restarts != 1 || p.State != catalog.StateUp {
		t.Errorf("%+v", p)
	}
}

// program writes an executable file.
func program(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExternalPlugin(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	c := load(t, `
server {
  profilers = ["mine"]
}
model "m" {
  stage "first" {
    plugin = "tint"
  }
}
plugin "outside" {
  kind    = "profiler"
  command = ["`+self+`", "plugin", "serve", "profiler", "count"]
  sha256  = "`+hex.EncodeToString(sum[:])+`"
}
profiler "mine" {
  plugin = "outside"
}`, nil)
	p := c.Plugins()[1]
	if p.Name != "mine" || p.Plugin != "count" || p.Checksum != "verified" || p.Origin != self || p.State != catalog.StateUp {
		t.Errorf("%+v", p)
	}
}

// TestFindings holds that everything wrong is found at once and at its place.
func TestFindings(t *testing.T) {
	external := func(block string) string {
		return "model \"m\" {\n  stage \"first\" {\n    plugin = \"tint\"\n  }\n}\nprofiler \"mine\" {\n}\nplugin \"mine\" {\n  kind = \"profiler\"\n" + block + "\n}\n"
	}
	for _, test := range []struct {
		name string
		text string
		want []string // line:column, summary, detail
		is   error
	}{
		{"values of plugins", `
model "m" {
  stage "first" {
    plugin   = "tint"
    replicas = 2
    config {
      tint = 300
      tnt  = 1
    }
  }
}
profiler "count" {
  config {
    level = "al"
  }
}`, []string{
			`7:7 300 is too large: at most 255`,
			`8:7 unknown key "tnt" | did you mean "tint"? known keys: tint, crash`,
			`14:5 "al" is not allowed | did you mean "all"? allowed: all, none`,
		}, nil},
		{"unknown plugin", `
model "m" {
  stage "first" {
    plugin = "tnt"
  }
}`, []string{`4:5 no model plugin "tnt", built in or declared | did you mean "tint"? there are: tint, change`}, nil},
		{"wrong kind of built-in", `
model "m" {
  stage "first" {
    plugin = "tint"
  }
}
profiler "tint" {
}`, []string{`no profiler plugin "tint"`}, nil},
		{"first stage does not make", `
model "m" {
  stage "first" {
    plugin = "change"
  }
}`, []string{`4:5 the first stage must make images, and "change" only changes them | put a stage`}, nil},
		{"weights", `
model "m" {
  stage "first" {
    plugin = "tint"
    config {
      crash = "load"
    }
  }
}`, []string{`3:3 model(tint): load: no weights`}, nil},
		{"missing program", external(`  command = ["/no/such/file"]`), []string{`10:3 profiler(mine): start: no such program: /no/such/file`}, wire.ErrNotFound},
		{"not executable", external(`  command = ["` + program(t, "x", 0o600) + `"]`), []string{`10:3 profiler(mine): start: not executable`}, wire.ErrNotExecutable},
		{"wrong checksum", external("  command = [\"" + program(t, "x", 0o700) + "\"]\n  sha256 = \"" + strings.Repeat("0", 64) + `"`), []string{`11:3 profiler(mine): start: wrong checksum`}, wire.ErrChecksum},
		{"prints before the handshake", external(`  command = ["` + program(t, "#!/bin/sh\necho hello\n", 0o700) + `"]`),
			[]string{`profiler(mine): start: printed to standard output before the handshake: "hello"`}, wire.ErrStdout},
		{"wrong kind of plugin", external(`  command = ["SELF", "plugin", "serve", "model", "tint"]`), []string{`profiler(mine): it is a model plugin, the configuration needs a profiler plugin`}, nil},
		{"runtime_dir too long", "server {\n  runtime_dir = \"/tmp/" + strings.Repeat("x", 100) + "\"\n}\n" + `model "m" {
  stage "tint" {
  }
}`, []string{`2:3 runtime_dir cannot be used: /tmp/xxx`}, wire.ErrRuntimeDir},
		{"no such cgroup", "server {\n  cgroup = \"/no/such\"\n}\n" + `model "m" {
  stage "tint" {
  }
}`, []string{`2:3 cgroup cannot be used: `}, wire.ErrCgroup},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := options(t, nil)
			cfg := parse(t, strings.ReplaceAll(test.text, "SELF", o.Self[0]))
			_, err := catalog.Load(t.Context(), cfg, o)
			var ds config.Diagnostics
			if !errors.As(err, &ds) || !ds.HasErrors() {
				t.Fatalf("Load = %v, want findings", err)
			}
			var lines []string
			for _, d := range ds {
				lines = append(lines, fmt.Sprintf("%d:%d %s | %s", d.Subject.Start.Line, d.Subject.Start.Column, d.Summary, strings.ReplaceAll(d.Detail, "\n", " ")))
			}
			if len(lines) != len(test.want) {
				t.Errorf("got %d findings, want %d:\n%v", len(lines), len(test.want), err)
			}
			for i, want := range test.want {
				if i < len(lines) && !strings.Contains(lines[i], want) {
					t.Errorf("finding %d\n got %s\nwant %s", i, lines[i], want)
				}
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v is not %v", err, test.is)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	if err := catalog.Validate(t.Context(), parse(t, shipped), options(t, nil)); err != nil {
		t.Error(err)
	}
	bad := strings.Replace(shipped, "tint = 9", "tint = 900", 1)
	if err := catalog.Validate(t.Context(), parse(t, bad), options(t, nil)); err == nil {
		t.Error("nothing found")
	}
}

func TestLoadIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := catalog.Load(ctx, parse(t, shipped), options(t, nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("Load = %v", err)
	}
}

func BenchmarkUnaryCall(b *testing.B) {
	r := load(b, shipped, nil).Stages()[0].Ranks[0]
	for b.Loop() {
		if _, err := r.Generate(b.Context(), &model.Request{}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadyWithFourProcesses(b *testing.B) {
	text := strings.Replace(shipped, "profiler \"lazy\" {\n  plugin = \"count\"\n}\n", "", 1)
	for b.Loop() {
		c, err := catalog.Load(b.Context(), parse(b, text), options(b, nil))
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := c.Close(context.Background()); err != nil {
			b.Error(err)
		}
		b.StartTimer()
	}
}
