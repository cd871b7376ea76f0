package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/strobe-dev/strobe/internal/wire/hostile"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestMain is the plugins of these tests too: launched as `TESTBINARY plugin NAME`.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "plugin" {
		os.Exit(testPlugin(os.Args[2], os.Args[3:]))
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
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if exe, err := os.Readlink(file); err == nil && exe == self && pid != os.Getpid() && alive(pid) {
			left = append(left, strconv.Itoa(pid))
		}
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	return append(left, strings.Fields(string(children))...)
}

// testPlugin is one misbehaviour a name.
func testPlugin(name string, args []string) int {
	log := NewLogger(os.Stderr)
	switch name {
	case "model":
	case "profiler":
		return Run(NewProfilerService(&testProfiler{}, testProfilerDescription(), log), log, os.Stderr)
	case "hostile":
		hostile.Serve()
		return 0
	case "stdout":
		fmt.Println("hello world")
	case "stdout-endless":
		for {
			fmt.Print(strings.Repeat("x", 1000))
		}
	case "exit":
		fmt.Fprintln(os.Stderr, "no such device")
		return 3
	case "mute":
		time.Sleep(time.Hour)
	case "version":
		fmt.Println("1|99|unix|/x|grpc|" + strings.Repeat("x", 100))
		time.Sleep(time.Hour)
	case "netrpc":
		fmt.Println("1|1|unix|/x|netrpc|" + strings.Repeat("x", 100))
		time.Sleep(time.Hour)
	case "plaintext":
		fmt.Println("1|1|unix|/x|grpc|")
		time.Sleep(time.Hour)
	case "hostile-stderr":
		for _, l := range hostileLines {
			fmt.Fprintln(os.Stderr, l)
		}
	case "endless-stderr":
		go func() {
			for {
				fmt.Fprintln(os.Stderr, strings.Repeat("y", 10_000))
			}
		}()
	case "hclog":
		l := hclog.New(&hclog.LoggerOptions{Name: "mine", JSONFormat: true, Output: os.Stderr, Level: hclog.Debug})
		l.Warn("from hclog", "count", 3, "name", "x", "ok", true)
	case "slog":
		log.With("name", "x").WithGroup("g").Warn("from slog", "count", 3, "error", errors.New("bad"))
	case "launcher":
		return testLauncher(args)
	case "env":
		log.Info("environment", "env", strings.Join(os.Environ(), "\n"))
	case "child":
		c := exec.Command("sleep", "1000")
		if err := c.Start(); err != nil {
			return 4
		}
		log.Info("child", "child", c.Process.Pid)
	case "leaver":
		c := exec.Command("sleep", "1000")
		c.SysProcAttr, c.Env = &syscall.SysProcAttr{Setsid: true}, []string{}
		if err := c.Start(); err != nil {
			return 4
		}
		log.Info("leaver", "leaver", c.Process.Pid)
	default:
		fmt.Fprintln(os.Stderr, "unknown test plugin", name)
		return 5
	}
	return Run(NewModelService(&testModel{name: name}, log), log, os.Stderr)
}

var hostileLines = []string{
	`{"@level":30,"@message":"hi"}`, `{"@level":"info","@message":7}`, `{"@level":"info"}`, `{"@message":null,"@level":null}`, `{`, `{}`, `[]`,
	`{"@level":"info","@message":"pairs","@timestamp":5,"@module":[1],"a":{"b":[null]},"n":null}`, "\x00\xff\xfe", strings.Repeat("z", 200_000),
	`{"@level":"nope","@message":"x"}`, `{"@level":"error","@message":"still here"}`,
}

// testLauncher is a host in a process of its own: it launches a model, prints its pid and waits to be killed.
func testLauncher([]string) int {
	os.Unsetenv(cookieKey)
	h, err := NewHost("")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	p, err := h.Launch(context.Background(), testSpec("model", nil))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(p.PID())
	time.Sleep(time.Hour)
	return 0
}

type testConfig struct {
	Delay time.Duration `strobe:"delay" default:"0s"`
	Tint  int           `strobe:"tint" default:"7" min:"0" max:"255"`
	Mode  string        `strobe:"mode" default:"ok" enum:"ok,panic,exit,fail,refuse,hang,load,bad-image,nothing"`
}

type testModel struct {
	name   string
	config testConfig
}

func (m *testModel) Describe() model.Description {
	return model.Description{Name: "tint", Version: "1.2.3", Summary: "one colour", Config: &m.config}
}

func (m *testModel) Load(_ context.Context, r model.Rank, rec *trace.Recorder) (model.Session, error) {
	if m.config.Mode == "load" {
		return nil, errors.New("no weights")
	}
	return &testSession{m: m, rank: r, track: rec.Track("worker")}, nil
}

type testSession struct {
	m     *testModel
	rank  model.Rank
	track *trace.Track
}

var testStep = trace.NameIn(trace.CategoryStep, "denoise_step")

func (s *testSession) Info() model.Info {
	return model.Info{Makes: true, DefaultSteps: 4, MaxSteps: 200, Sizes: []model.Size{{Width: 2, Height: 2}}, Details: map[string]string{"stage": s.rank.StageName}}
}

func (s *testSession) Generate(ctx context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error) {
	switch s.m.config.Mode {
	case "panic":
		panic("oh dear")
	case "exit":
		os.Exit(9)
	case "fail":
		return nil, errors.New("out of luck")
	case "refuse":
		return nil, model.BadRequest("size", "%dx%d is too large", req.Size.Width, req.Size.Height)
	case "hang":
		select {}
	case "nothing":
		return nil, nil
	}
	s.track.SetRequest(req.ID)
	steps := max(req.Steps, 1)
	for i := range steps {
		span := s.track.Begin(testStep)
		select {
		case <-time.After(s.m.config.Delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		span.End()
		progress(model.Progress{Step: i + 1, Steps: steps})
	}
	w, h := max(req.Size.Width, 2), max(req.Size.Height, 2)
	r := &model.Result{Steps: steps, Warnings: []string{"bad utf8 \xff"}, Durations: map[string]float64{"diffuse": 0.5}, PeakMemoryBytes: 10}
	for range max(req.Count, 1) {
		pixels := make([]byte, 3*w*h)
		for i := range pixels {
			pixels[i] = byte(uint64(s.m.config.Tint) + req.Seed)
		}
		if s.m.config.Mode == "bad-image" {
			pixels = pixels[1:]
		}
		r.Images = append(r.Images, model.Image{Width: w, Height: h, Pixels: pixels})
	}
	return r, nil
}

func (s *testSession) Close() error { return nil }

type testProfilerConfig struct {
	Mode string `strobe:"mode" default:"ok" enum:"ok,open,consume,finish,panic,hang,exit,outside"`
}

var sharedProfilerConfig testProfilerConfig

func testProfilerDescription() profiler.Description {
	return profiler.Description{Name: "count", Version: "0.1", Summary: "counts", Config: &sharedProfilerConfig}
}

type testProfiler struct{}

func (p *testProfiler) Open(_ context.Context, profile profiler.Profile) (profiler.Sink, error) {
	if sharedProfilerConfig.Mode == "open" {
		return nil, errors.New("cannot open")
	}
	return &testSink{profile: profile, mode: sharedProfilerConfig.Mode}, nil
}

type testSink struct {
	profile profiler.Profile
	mode    string
	Events  int
}

func (s *testSink) Consume(ctx context.Context, b *recording.Batch) error {
	s.Events += len(b.Events)
	switch s.mode {
	case "consume":
		return errors.New("cannot consume")
	case "panic":
		panic("oh dear")
	case "exit":
		os.Exit(9)
	}
	return nil
}

func (s *testSink) Finish(ctx context.Context, sum profiler.Summary) ([]profiler.Artifact, error) {
	switch s.mode {
	case "finish":
		return nil, errors.New("cannot finish")
	case "hang":
		select {}
	case "outside":
		return []profiler.Artifact{{Name: "../x"}}, nil
	}
	b, _ := json.Marshal(s)
	err := os.WriteFile(filepath.Join(s.profile.Dir, "count.json"), b, 0o600)
	return []profiler.Artifact{{Name: "count.json", MediaType: "application/json"}}, err
}

func (s *testSink) Abort(context.Context) error {
	return os.WriteFile(filepath.Join(s.profile.Dir, "aborted"), nil, 0o600)
}

// testSpec launches this test binary as a plugin.
func testSpec(name string, log *slog.Logger, args ...string) Spec {
	kind := KindModel
	if name == "profiler" {
		kind = KindProfiler
	}
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return Spec{Kind: kind, Name: name, Command: append([]string{self, "plugin", name}, args...), Log: log}
}

func testHost(t testing.TB) *Host {
	t.Helper()
	h, err := NewHost("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// launch starts a test plugin and closes it with the test.
func launch(t testing.TB, h *Host, s Spec) *Process {
	t.Helper()
	p, err := h.Launch(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()) })
	return p
}

// ready launches, configures and loads the test model.
func ready(t testing.TB, h *Host, values map[string]any) *Process {
	t.Helper()
	p := launch(t, h, testSpec("model", nil))
	if found, err := p.Configure(t.Context(), values); err != nil || found.HasErrors() {
		t.Fatal(found, err)
	}
	if _, err := p.Load(t.Context(), model.Rank{Model: "m", StageName: "s", Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	return p
}
