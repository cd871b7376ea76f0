package plugintest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/plugin"
	"github.com/strobe-dev/strobe/sdk/plugintest"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "plugin" {
		switch os.Args[2] {
		case "clingy":
			if err := exec.Command("sleep", "60").Start(); err != nil {
				panic(err)
			}
			fallthrough
		case "model":
			plugin.ServeModel(&checker{})
		default:
			plugin.ServeProfiler(newLister(""))
		}
		os.Exit(0)
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	goleak.VerifyTestMain(m)
}

func command(t *testing.T, kind string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{self, "plugin", kind}
}

func TestGoodModel(t *testing.T) {
	plugintest.TestModel(t, plugintest.ModelOptions{
		New: func() model.Model { return &checker{} }, Command: command(t, "model"),
		BadConfigs: []map[string]any{{"steps": int64(0)}, {"steps": "many"}},
	})
}

func TestGoodProfiler(t *testing.T) {
	plugintest.TestProfiler(t, plugintest.ProfilerOptions{
		New: func() (profiler.Profiler, profiler.Description) { return newLister("") }, Command: command(t, "profiler"),
		BadConfigs: []map[string]any{{"name": int64(1)}},
	})
}

// failing is which of the checks that are wanted to find a fault do. A sound plugin, which passes all, is tested elsewhere.
func failing(t *testing.T, checks []plugintest.Check, start plugintest.Start, want string) string {
	t.Helper()
	wanted := strings.Split(want, ", ")
	var names []string
	for _, c := range checks {
		if !slices.Contains(wanted, c.Name) {
			continue
		}
		if err := c.Run(t.Context(), start); err != nil && !errors.Is(err, plugintest.ErrSkipped) {
			t.Logf("%s: %v", c.Name, err)
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

func TestBrokenModels(t *testing.T) {
	for fault, want := range map[string]string{
		"no version": "describe twice", "renames": "describe twice", "progress": "progress in order", "seed": "same seed same image, two at once",
		"deaf": "cancel", "size": "wrong size", "no request id": "record", "no flow": "record", "count": "generate",
		"sulks": "wrong size", "short": "giant names", "lax": "unknown key, every finding",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			start := plugintest.StartModel(func() model.Model { return &checker{fault: fault} })
			checks := plugintest.ModelChecks(plugintest.ModelOptions{})
			if got := failing(t, checks, start, want); got != want {
				t.Errorf("found by %q, want %q", got, want)
			}
		})
	}
}

// TestHostDeath has a plugin that leaves a process behind when its host is killed; the check ends that, too.
func TestHostDeath(t *testing.T) {
	if plugintest.IsHost(t) {
		return
	}
	t.Parallel() // it waits
	for kind, good := range map[string]bool{"model": true, "clingy": false} {
		t.Run(kind, func(t *testing.T) {
			checks := plugintest.ModelChecks(plugintest.ModelOptions{Host: plugintest.TestHost(t)})
			death := checks[slices.IndexFunc(checks, func(c plugintest.Check) bool { return c.Name == "host death" })]
			if err := death.Run(t.Context(), plugintest.StartCommand(nil, command(t, kind)...)); (err == nil) != good {
				t.Error(err)
			}
		})
	}
}

func TestBrokenProfilers(t *testing.T) {
	for fault, want := range map[string]string{
		"leftover": "open and finish, empty recording, second profile, abort, small max_bytes", "lies": "open and finish", "large": "small max_bytes",
		"no abort": "abort, open without finish", "nothing": "open and finish", "needs events": "empty recording, one at a time",
		"once": "second profile, abort", "mute": "error in the middle", "watchdog": "slow sink", "no numbers": "every argument type",
		"short": "giant names", "picky": "damaged recording", "stubborn": "cancelled finish", "tired": "a million events",
		"no version": "describe twice", "no validation": "bad values",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			start := plugintest.StartProfiler(func() (profiler.Profiler, profiler.Description) { return newLister(fault) })
			checks := plugintest.ProfilerChecks(plugintest.ProfilerOptions{BadConfigs: []map[string]any{{"name": "a/b"}}})
			got := failing(t, checks, start, want)
			for try := 0; fault == "stubborn" && got == "" && try < 10; try++ { // on a busy machine a finish may be given up before it began
				got = failing(t, checks, start, want)
			}
			if got != want {
				t.Errorf("found by %q, want %q", got, want)
			}
		})
	}
}

// gauge is a lister that measures.
type gauge struct {
	*lister
	fault string
}

func newGauge(fault string) (profiler.Profiler, profiler.Description) {
	l := &lister{}
	return &gauge{l, fault}, profiler.Description{Name: "gauge", Version: "1", Config: &l.config}
}

func (g *gauge) Record(ctx context.Context, rec *trace.Recorder) error {
	switch g.fault {
	case "fails":
		return errors.New("no such device")
	case "panics":
		panic("oh dear")
	case "mute":
	default:
		rec.Track("gauge").Count(trace.NameIn(trace.CategoryCounter, "pressure"), 1)
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestProfilersThatMeasure(t *testing.T) {
	for fault, finds := range map[string]string{"": "", "fails": "measure", "panics": "measure", "mute": "measure"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			start := plugintest.StartProfiler(func() (profiler.Profiler, profiler.Description) { return newGauge(fault) })
			if got := failing(t, plugintest.ProfilerChecks(plugintest.ProfilerOptions{Measures: true}), start, "measure"); got != finds {
				t.Errorf("found by %q, want %q", got, finds)
			}
		})
	}
}

// checker is a model whose images are checker boards; fault is what is wrong with it.
type checker struct {
	fault  string
	count  int
	config struct {
		Steps int `strobe:"steps" default:"8" min:"1" max:"9"`
	}
	lax struct {
		Steps float64 `strobe:"steps" default:"8"`
	}
}

func (m *checker) Describe() model.Description {
	d := model.Description{Name: "checker", Version: "1", Config: &m.config}
	m.count++
	switch m.fault {
	case "no version":
		d.Version = ""
	case "lax":
		if m.count > laxAfter {
			d.Config = &m.lax // it takes what it said it does not
		}
	case "renames":
		d.Version = fmt.Sprint(m.count)
	}
	return d
}

func (m *checker) Load(_ context.Context, _ model.Rank, rec *trace.Recorder) (model.Session, error) {
	return &checkerSession{m: m, track: rec.Track("worker")}, nil
}

// laxAfter is how often a plugin is described until the first values come.
const laxAfter = 2

type checkerSession struct {
	sulks bool
	m     *checker
	track *trace.Track
	calls int
}

var (
	forward = trace.NameIn(trace.CategoryStage, "pipeline_forward")
	step    = trace.NameIn(trace.CategoryStep, "denoise_step")
)

func (s *checkerSession) Info() model.Info {
	return model.Info{Makes: true, Sizes: []model.Size{{Width: 4, Height: 4}}, MaxSteps: 9}
}

func (s *checkerSession) Close() error { return nil }

func (s *checkerSession) Generate(ctx context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error) {
	s.calls++
	if req.Size != (model.Size{}) && req.Size != (model.Size{Width: 4, Height: 4}) && s.m.fault != "size" {
		s.sulks = s.m.fault == "sulks"
		return nil, model.BadRequest("size", "only 4x4")
	}
	if s.sulks || s.m.fault == "short" && len(req.Prompt) > 1000 {
		return nil, errors.New("oh dear")
	}
	if s.m.fault != "no request id" {
		s.track.SetRequest(req.ID)
	}
	span := s.track.Begin(forward)
	defer span.End()
	if s.m.fault != "no flow" {
		s.track.FlowIn(req.Flow)
	}
	pause := 5 * time.Millisecond
	switch s.m.fault {
	case "deaf":
		ctx, pause = context.WithoutCancel(ctx), 50*time.Millisecond
	case "slow":
		pause = 50 * time.Millisecond
	}
	for i := range s.m.config.Steps {
		in := s.track.Begin(step)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			in.End()
			return nil, ctx.Err()
		}
		in.End()
		p := model.Progress{Step: i + 1, Steps: s.m.config.Steps}
		if s.m.fault == "progress" {
			p.Step = s.m.config.Steps - i
		}
		progress(p)
	}
	pixels := make([]byte, 48)
	pixels[0] = byte(req.Seed)
	if s.m.fault == "seed" {
		pixels[0] = byte(s.calls)
	}
	r := &model.Result{Steps: s.m.config.Steps}
	for range req.Count {
		r.Images = append(r.Images, model.Image{Width: 4, Height: 4, Pixels: pixels})
	}
	if s.m.fault == "count" {
		r.Images = append(r.Images, r.Images[0])
	}
	return r, nil
}

// slowest is how long a lister with a watchdog waits for its next events.
const slowest = 200 * time.Millisecond

// lister is a profiler that lists the names of events.
type lister struct {
	fault  string
	opened int
	broken bool
	config struct {
		Name string `strobe:"name" default:"list.txt"`
	}
}

func newLister(fault string) (profiler.Profiler, profiler.Description) {
	l := &lister{fault: fault}
	d := profiler.Description{Name: "lister", Version: "1", Config: &l.config}
	if fault == "no version" {
		d.Version = ""
	}
	return l, d
}

func (l *lister) Open(_ context.Context, p profiler.Profile) (profiler.Sink, error) {
	if l.opened++; l.fault == "once" && l.opened > 1 || l.broken {
		return nil, errors.New("not again")
	}
	s := &list{l: l, p: p, last: time.Now()}
	err := os.WriteFile(s.path(".tmp"), nil, 0o600)
	if l.fault == "no abort" {
		return struct{ profiler.Sink }{s}, err
	}
	return s, err
}

type list struct {
	l    *lister
	p    profiler.Profile
	text strings.Builder
	last time.Time
	seen int
}

func (s *list) path(end string) string { return filepath.Join(s.p.Dir, s.l.config.Name+end) }

func (s *list) Consume(_ context.Context, b *recording.Batch) error {
	late := time.Since(s.last) > slowest
	s.last = time.Now()
	if s.l.fault == "watchdog" && late {
		return errors.New("too late")
	}
	for e := range b.All() {
		s.seen++
		switch {
		case s.l.fault == "tired" && s.seen > 100_000, s.l.fault == "short" && len(e.Request) > 1000,
			s.l.fault == "no numbers" && slices.ContainsFunc(e.Args, func(a recording.Arg) bool { return math.IsNaN(a.Float) }):
			return errors.New("oh dear")
		}
		if int64(s.text.Len()+len(e.Name.Text)) < s.p.MaxBytes-1 || s.p.MaxBytes == 0 || s.l.fault == "large" {
			fmt.Fprintln(&s.text, e.Name.Text)
		}
	}
	return nil
}

func (s *list) Finish(ctx context.Context, sum profiler.Summary) ([]profiler.Artifact, error) {
	if s.l.fault == "stubborn" {
		time.Sleep(20 * time.Millisecond) // long enough to be given up
		s.l.broken = s.l.broken || ctx.Err() != nil
	}
	if s.l.fault == "picky" && slices.ContainsFunc(sum.Processes, func(p recording.Summary) bool { return p.Lost.Corrupt > 0 }) {
		return nil, errors.New("damage")
	}
	if s.l.fault == "needs events" && s.text.Len() == 0 {
		return nil, errors.New("no events")
	}
	if s.l.fault != "leftover" {
		os.Remove(s.path(".tmp"))
	}
	if s.l.fault == "nothing" {
		return nil, nil
	}
	a := profiler.Artifact{Name: s.l.config.Name, MediaType: "text/plain"}
	if s.l.fault == "lies" {
		a.SHA256 = strings.Repeat("0", 64)
	}
	err := os.WriteFile(s.path(""), []byte(s.text.String()), 0o600)
	if s.l.fault == "mute" && err != nil {
		return nil, nil
	}
	return []profiler.Artifact{a}, err
}

func (s *list) Abort(context.Context) error {
	s.l.broken = s.l.fault == "stubborn" && s.seen > 1000
	return os.Remove(s.path(".tmp"))
}
