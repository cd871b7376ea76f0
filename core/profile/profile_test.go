package profile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// code checks that err is a profile.Error with the code, and gives it.
func code(t *testing.T, err error, want profile.Code) *profile.Error {
	t.Helper()
	e, ok := profile.AsError(err)
	if !ok || e.Code != want {
		t.Fatalf("error %v (%+v), want code %s", err, e, want)
	}
	return e
}

// start starts a profile that must start.
func start(t *testing.T, c *coretest.Core, r profile.StartRequest) profile.View {
	t.Helper()
	v, err := c.Profiles.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// stop stops a profile that must be there.
func stop(t *testing.T, c *coretest.Core, id string) profile.View {
	t.Helper()
	v, err := c.Profiles.Stop(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// manifest reads a profile's manifest.
func manifest(t *testing.T, c *coretest.Core, id string) profile.View {
	t.Helper()
	var v profile.View
	data, err := os.ReadFile(filepath.Join(c.Dir, id, "recording", "profile.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// dirs are the names in the profile directory.
func dirs(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs syncBuffer
		c := coretest.New(t, coretest.Options{Replicas: 2, Profilers: []string{"chrome", "otlp"}, Log: slog.New(slog.NewTextHandler(&logs, nil)),
			Profile: func(o *profile.Options) { o.MaxBytes = 80 << 20; o.Profilers = []string{"chrome", "otlp"} }})
		v := start(t, c, profile.StartRequest{Label: "night run"})
		if v.State != profile.StateRecording || v.Label != "night run" || v.Model != "emoji" || !regexp.MustCompile(`^\d{8}-\d{6}-[0-9a-f]{6}$`).MatchString(v.ID) {
			t.Errorf("view %+v", v)
		}
		for _, r := range append(c.Diffusion, c.Resize, c.CoreRank) {
			s, on := r.Recording()
			if want := filepath.Join(c.Dir, v.ID, "recording", r.Label()+".seg"); !on || s.Path != want || s.MaxBytes != 10<<20 {
				t.Errorf("%s records %+v", r.Label(), s)
			}
		}
		if s, _ := c.Diffusion[1].Recording(); s.Process != (trace.Process{Kind: trace.ProcessModel, Model: "emoji", StageName: "diffusion", Rank: 1}) {
			t.Errorf("process %+v", s.Process)
		}
		if s, _ := c.CoreRank.Recording(); s.Process != (trace.Process{Kind: trace.ProcessCore, Name: "core", Model: "emoji"}) {
			t.Errorf("process of core %+v", s.Process)
		}
		open := c.Exporters["otlp"].Opens()[0]
		if p := open.Profile; p.ID != v.ID || p.Dir != filepath.Join(c.Dir, v.ID) || p.MaxBytes != 20<<20 || p.Label != "night run" || open.RecordingDir != filepath.Join(p.Dir, "recording") {
			t.Errorf("opened with %+v", open)
		}
		time.Sleep(3 * time.Second)
		c.Profiles.CountRequest()
		c.Profiles.CountRequest()
		synctest.Wait()
		if now, err := c.Profiles.Get(v.ID); err != nil || now.Requests != 2 || now.DurationS != 3 || manifest(t, c, v.ID).State != profile.StateRecording {
			t.Errorf("while recording: %+v, %v", now, err)
		}
		v = stop(t, c, "")
		if v.State != profile.StateComplete || v.EndedBy != profile.EndedByStop || v.Error != "" || v.Requests != 2 || v.DurationS != 3 {
			t.Errorf("view %+v", v)
		}
		if len(v.Processes) != 4 || v.Processes[3].Process != "core" || v.Processes[3].Stage != nil || *v.Processes[1].Rank != 1 || v.Events != 400 {
			t.Errorf("processes %+v", v.Processes)
		}
		if len(v.Exports) != 2 || len(v.Artifacts) != 8 || len(v.Traces) != 8 || len(v.Warnings) != 0 {
			t.Errorf("exports %+v, artifacts %+v, warnings %q", v.Exports, v.Artifacts, v.Warnings)
		}
		a := v.Artifacts[0]
		if len(a.SHA256) != 64 || a.URL != "/v1/profiles/"+v.ID+"/artifacts/chrome/stage_0_diffusion_rank0.json" || *a.Stage != 0 || a.MediaType != "application/json" {
			t.Errorf("artifact %+v", a)
		}
		if diff := cmp.Diff(v, manifest(t, c, v.ID)); diff != "" {
			t.Errorf("manifest: %s", diff)
		}
		f := c.Exporters["chrome"].Finishes()[0]
		if want := []string{"stage_0_diffusion_rank0.seg", "stage_0_diffusion_rank1.seg", "stage_1_resize_rank0.seg", "core.seg"}; !cmp.Equal(want, f.Segments) || f.Stopped.IsZero() {
			t.Errorf("finished with %+v", f)
		}
		if again := stop(t, c, v.ID); !cmp.Equal(again, v) {
			t.Errorf("stopped again: %s", cmp.Diff(v, again))
		}
		for _, state := range []string{"starting", "recording", "stopping", "exporting", "complete"} {
			if n := strings.Count(logs.String(), "id="+v.ID+" state="+state); n != 1 {
				t.Errorf("%d log lines of state %s:\n%s", n, state, logs.String())
			}
		}
		s := c.Profiles.Stats()
		if s.Totals.Complete != 1 || s.Totals.Events != 400 || s.ByState[profile.StateComplete] != 1 || s.Totals.Exports["otlp"].Complete != 1 || s.Active != "" {
			t.Errorf("stats %+v", s)
		}
	})
}

// syncBuffer is a buffer for logs of several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// The order at the stop matters: core's clock must cover the ranks'.
func TestCoreStopsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := coretest.New(t, coretest.Options{Replicas: 3})
		for i, r := range c.Diffusion {
			r.OnStop = func(context.Context) error { time.Sleep(time.Duration(i+1) * time.Second); return nil }
		}
		began := time.Now()
		c.CoreRank.OnStop = func(context.Context) error {
			for _, r := range c.Diffusion {
				if _, on := r.Recording(); on {
					t.Errorf("%s still records", r.Label())
				}
			}
			return nil
		}
		c.Exporters["chrome"].OnFinish = func(_ context.Context, _ wireFinish) error {
			if _, on := c.CoreRank.Recording(); on {
				t.Error("core still records")
			}
			return nil
		}
		start(t, c, profile.StartRequest{})
		v := stop(t, c, "")
		if time.Since(began) != 3*time.Second || v.State != profile.StateComplete {
			t.Errorf("took %v: %+v", time.Since(began), v)
		}
	})
}

func TestNoRequest(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	start(t, c, profile.StartRequest{})
	if v := stop(t, c, ""); !cmp.Equal(v.Warnings, []string{"the profile saw no request"}) || v.State != profile.StateComplete {
		t.Errorf("warnings %q", v.Warnings)
	}
	c.Profiles.CountRequest() // no profile: nothing happens
}

func TestStages(t *testing.T) {
	c := coretest.New(t, coretest.Options{Replicas: 2})
	v := start(t, c, profile.StartRequest{Stages: []int{1}})
	if len(v.Processes) != 2 || v.Processes[0].StageName != "resize" || v.Processes[1].Process != "core" {
		t.Errorf("processes %+v", v.Processes)
	}
	if _, on := c.Diffusion[0].Recording(); on {
		t.Error("a stage records that was not asked for")
	}
	stop(t, c, v.ID)
}

func TestInvalid(t *testing.T) {
	c := coretest.New(t, coretest.Options{Profilers: []string{"chrome", "otlp"}})
	tests := []struct {
		name  string
		r     profile.StartRequest
		param string
		says  string
	}{
		{"unknown profiler", profile.StartRequest{Profilers: []string{"chrom"}}, "profilers", "chrome, otlp"},
		{"a profiler twice", profile.StartRequest{Profilers: []string{"otlp", "otlp"}}, "profilers", "twice"},
		{"unknown stage", profile.StartRequest{Stages: []int{0, 7}}, "stages", "0 (diffusion), 1 (resize)"},
		{"negative stage", profile.StartRequest{Stages: []int{-1}}, "stages", "no stage -1"},
		{"too many stages", profile.StartRequest{Stages: make([]int, 5000)}, "stages", "twice"},
		{"long label", profile.StartRequest{Label: strings.Repeat("é", 201)}, "label", "200"},
		{"control character", profile.StartRequest{Label: "a\nb"}, "label", "control"},
		{"invalid UTF-8", profile.StartRequest{Label: "\xff"}, "label", "text"},
		{"negative requests", profile.StartRequest{NumRequests: -1}, "num_requests", "from 1"},
		{"negative duration", profile.StartRequest{Duration: -1}, "duration_s", "negative"},
		{"long duration", profile.StartRequest{Duration: time.Hour}, "duration_s", "max_duration"},
		{"another model", profile.StartRequest{Model: "emojy"}, "model", `serves "emoji"`},
		{"unknown rank", profile.StartRequest{Stages: []int{1}, Ranks: []int{1}}, "ranks", "0 of stage 1 (resize)"},
		{"a rank twice", profile.StartRequest{Ranks: []int{0, 0}}, "ranks", "twice"},
		{"unknown activity", profile.StartRequest{Activities: []profile.Activity{"steps"}}, "activities", "request, step, block"},
		{"negative length", profile.StartRequest{MinDuration: -1}, "min_duration_us", "0 to profile.max_duration"},
		{"negative steps", profile.StartRequest{NumSteps: -1}, "num_steps", "from 1"},
		{"negative start step", profile.StartRequest{StartStep: -1}, "start_step", "from 1"},
		{"late", profile.StartRequest{StartAfter: time.Hour}, "start_after_s", "max_duration"},
		{"large", profile.StartRequest{MaxBytes: 2 << 30}, "max_bytes", "profile.max_bytes"},
		{"small", profile.StartRequest{MaxBytes: 1 << 20}, "max_bytes", "too few for 3 processes"},
		{"prompts", profile.StartRequest{RecordPrompts: true}, "record_prompts", "profile.record_prompts = true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.Profiles.Start(t.Context(), tt.r)
			if e := code(t, err, profile.CodeInvalid); e.Param != tt.param || !strings.Contains(e.Message, tt.says) {
				t.Errorf("error %+v", e)
			}
		})
	}
	if names := dirs(t, c.Dir); len(names) != 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestMaxBytesTooSmall(t *testing.T) {
	c := coretest.New(t, coretest.Options{Profile: func(o *profile.Options) { o.MaxBytes = 5 << 20 }})
	_, err := c.Profiles.Start(t.Context(), profile.StartRequest{})
	if e := code(t, err, profile.CodeInvalid); e.Param != "profile.max_bytes" {
		t.Errorf("error %+v", e)
	}
}

func TestProfilingOff(t *testing.T) {
	c := coretest.New(t, coretest.Options{Profilers: []string{}})
	_, err := c.Profiles.Start(t.Context(), profile.StartRequest{})
	code(t, err, profile.CodeOff)
}

func TestNothingThere(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	_, err := c.Profiles.Stop(t.Context(), "")
	code(t, err, profile.CodeNoActive)
	for _, id := range []string{"nope", "../../etc", "20260101-000000-000000", "."} {
		_, err = c.Profiles.Stop(t.Context(), id)
		code(t, err, profile.CodeNotFound)
		_, err = c.Profiles.Get(id)
		code(t, err, profile.CodeNotFound)
		code(t, c.Profiles.Delete(id), profile.CodeNotFound)
		_, _, err = c.Profiles.Artifact(id, "recording/profile.json")
		code(t, err, profile.CodeNotFound)
		_, err = c.Profiles.Summary(id)
		code(t, err, profile.CodeNotFound)
	}
	if _, ok := c.Profiles.Uncollected(); ok {
		t.Error("there is an uncollected profile")
	}
}

func TestOneAtATime(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	exporting, goOn := make(chan struct{}), make(chan struct{})
	c.Exporters["chrome"].OnFinish = func(context.Context, wireFinish) error { close(exporting); <-goOn; return nil }
	first := start(t, c, profile.StartRequest{})
	second := func() {
		t.Helper()
		_, err := c.Profiles.Start(t.Context(), profile.StartRequest{})
		if e := code(t, err, profile.CodeActive); e.ID != first.ID || !strings.Contains(e.Message, first.ID) {
			t.Errorf("error %+v", e)
		}
		code(t, c.Profiles.Delete(first.ID), profile.CodeActive)
	}
	second()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-exporting; cancel() }()
	v, err := c.Profiles.Stop(ctx, first.ID)
	if err != nil || v.State != profile.StateExporting || v.StoppedAt == nil || v.Exports[0].State != profile.ExportRunning {
		t.Errorf("a stop that ran out of time: %+v, %v", v, err)
	}
	second()
	if a, ok := c.Profiles.Active(); !ok || a.ID != first.ID {
		t.Errorf("active %+v", a)
	}
	close(goOn)
	if v := stop(t, c, first.ID); v.State != profile.StateComplete {
		t.Errorf("the result was not kept: %+v", v)
	}
	c.Exporters["chrome"].OnFinish = nil
	start(t, c, profile.StartRequest{})
}

func TestViewsAreCopies(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	start(t, c, profile.StartRequest{})
	v := stop(t, c, "")
	want := v
	data, _ := json.Marshal(v)
	v.Processes[0].Losses.ByReason["x"], *v.Processes[0].Rank, v.Artifacts[0].Name, v.Losses.ByReason["x"] = 1, 77, "x", 1
	got, err := c.Profiles.Get(v.ID)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(got); !bytes.Equal(data, again) {
		t.Errorf("a caller changed the manager's view of %s", want.ID)
	}
	for _, null := range []string{`"profilers":null`, `"processes":null`, `"artifacts":null`, `"traces":null`, `"warnings":null`, `"by_reason":null`} {
		if bytes.Contains(data, []byte(null)) {
			t.Errorf("JSON has %s", null)
		}
	}
}

func TestErrorsWrapTheirCauses(t *testing.T) {
	boom := errors.New("boom")
	err := error(&profile.Error{Code: profile.CodeProfilerFailed, Message: "m", Culprits: []profile.Culprit{{Name: "chrome", Err: boom}}})
	if !errors.Is(err, boom) || err.Error() != "m" {
		t.Errorf("error %v", err)
	}
}
