package plugintest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
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
		if os.Args[2] == "model" {
			plugin.ServeModel(&checker{})
		} else {
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

// failing names the check that finds a fault, and no other.
func failing(t *testing.T, checks []plugintest.Check, start plugintest.Start) string {
	t.Helper()
	var names []string
	for _, c := range checks {
		if err := c.Run(t.Context(), start); err != nil && !errors.Is(err, plugintest.ErrSkipped) {
			t.Logf("%s: %v", c.Name, err)
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

func TestBrokenModels(t *testing.T) {
	for fault, want := range map[string]string{
		"no version": "describe twice", "renames": "describe twice", "progress": "progress in order", "seed": "same seed same image",
		"deaf": "cancel", "size": "wrong size", "no request id": "record", "no flow": "record", "count": "generate",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			start := plugintest.StartModel(func() model.Model { return &checker{fault: fault} })
			checks := plugintest.ModelChecks(plugintest.ModelOptions{})
			if fault == "deaf" { // slow by nature
				checks = slices.DeleteFunc(checks, func(c plugintest.Check) bool { return c.Name != want })
			}
			if got := failing(t, checks, start); got != want {
				t.Errorf("found by %q, want %q", got, want)
			}
		})
	}
}

func TestBrokenProfilers(t *testing.T) {
	for fault, want := range map[string]string{
		"leftover": "open and finish, empty recording, second profile, abort, small max_bytes", "lies": "open and finish", "large": "small max_bytes",
		"no abort": "abort, open without finish", "nothing": "open and finish", "needs events": "empty recording, one at a time",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			start := plugintest.StartProfiler(func() (profiler.Profiler, profiler.Description) { return newLister(fault) })
			if got := failing(t, plugintest.ProfilerChecks(plugintest.ProfilerOptions{}), start); !strings.HasPrefix(got, want) {
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
	for fault, want := range map[string]string{"": "", "fails": "measure", "panics": "measure", "mute": "measure"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			start := plugintest.StartProfiler(func() (profiler.Profiler, profiler.Description) { return newGauge(fault) })
			if got := failing(t, plugintest.ProfilerChecks(plugintest.ProfilerOptions{Measures: true}), start); got != want {
				t.Errorf("found by %q, want %q", got, want)
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
}

func (m *checker) Describe() model.Description {
	d := model.Description{Name: "checker", Version: "1", Config: &m.config}
	m.count++
	switch m.fault {
	case "no version":
		d.Version = ""
	case "renames":
		d.Version = fmt.Sprint(m.count)
	}
	return d
}

func (m *checker) Load(_ context.Context, _ model.Rank, rec *trace.Recorder) (model.Session, error) {
	return &checkerSession{m: m, track: rec.Track("worker")}, nil
}

type checkerSession struct {
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
		return nil, model.BadRequest("size", "only 4x4")
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
	if s.m.fault == "deaf" {
		ctx, pause = context.WithoutCancel(ctx), 50*time.Millisecond
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

// lister is a profiler that lists the names of events.
type lister struct {
	fault  string
	config struct {
		Name string `strobe:"name" default:"list.txt"`
	}
}

func newLister(fault string) (profiler.Profiler, profiler.Description) {
	l := &lister{fault: fault}
	return l, profiler.Description{Name: "lister", Version: "1", Config: &l.config}
}

func (l *lister) Open(_ context.Context, p profiler.Profile) (profiler.Sink, error) {
	s := &list{l: l, p: p}
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
}

func (s *list) path(end string) string { return filepath.Join(s.p.Dir, s.l.config.Name+end) }

func (s *list) Consume(_ context.Context, b *recording.Batch) error {
	for e := range b.All() {
		if int64(s.text.Len()+len(e.Name.Text)) < s.p.MaxBytes-1 || s.p.MaxBytes == 0 || s.l.fault == "large" {
			fmt.Fprintln(&s.text, e.Name.Text)
		}
	}
	return nil
}

func (s *list) Finish(context.Context, profiler.Summary) ([]profiler.Artifact, error) {
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
	return []profiler.Artifact{a}, os.WriteFile(s.path(""), []byte(s.text.String()), 0o600)
}

func (s *list) Abort(context.Context) error { return os.Remove(s.path(".tmp")) }
