package profile_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// finished waits until a profile is final.
func finished(t *testing.T, c *coretest.Core, id string) profile.View {
	t.Helper()
	done, err := c.Profiles.Ended(id)
	if err != nil {
		t.Fatal(err)
	}
	<-done
	v, err := c.Profiles.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParseActivities(t *testing.T) {
	for _, test := range []struct{ words, want string }{
		{"", ""}, {"step step operator", "step operator"}, {"CPU GPU", "request step block operator counter device"}, {"MEM memory pprof", "memory pprof"},
	} {
		list, err := profile.ParseActivities(strings.Fields(test.words))
		var got []string
		for _, a := range list {
			got = append(got, string(a))
		}
		if strings.Join(got, " ") != test.want || err != nil {
			t.Errorf("%q: %q, %v", test.words, got, err)
		}
	}
	if _, err := profile.ParseActivities([]string{"CUDA"}); code(t, err, profile.CodeInvalid).Param != "activities" {
		t.Error(err)
	}
}

// TestOptionsReach: what is recorded, what is exported and what the reply says are one.
func TestOptionsReach(t *testing.T) {
	c := coretest.New(t, coretest.Options{Replicas: 2, Profilers: []string{"chrome", "otlp"}})
	r := profile.StartRequest{Profilers: []string{"chrome", "otlp"}, Model: "emoji", Stages: []int{0}, Ranks: []int{1},
		Activities: []profile.Activity{profile.ActivityStep}, MinDuration: 5 * time.Microsecond, MaxBytes: 64 << 20}
	v := start(t, c, r)
	if len(v.Processes) != 2 || v.Processes[0].Process != "stage_0_diffusion_rank1" {
		t.Errorf("processes %+v", v.Processes)
	}
	want := &profile.Chosen{Stages: []int{0}, Ranks: []int{1}, Activities: r.Activities, MinDurationUs: 5, MaxBytes: 64 << 20}
	if d := cmp.Diff(want, v.Options); d != "" {
		t.Error(d)
	}
	s, on := c.Diffusion[1].Recording()
	if set := trace.CategoriesOf(trace.CategoryNone, trace.CategoryStep); !on || s.Categories != set || s.MaxBytes != 16<<20 {
		t.Errorf("records %+v", s)
	}
	for name, x := range c.Exporters {
		p := x.Opens()[0].Profile
		if p.Filter.Categories != s.Categories || p.Filter.MinDuration != 5*time.Microsecond || p.MaxBytes != 16<<20 {
			t.Errorf("%s: %+v", name, p)
		}
	}
	v = stop(t, c, v.ID)
	if _, err := c.Profiles.Export(t.Context(), v.ID, profile.ExportRequest{Profiler: "otlp"}); err == nil {
		opens := c.Exporters["otlp"].Opens()
		if d := cmp.Diff(opens[0].Profile.Filter, opens[len(opens)-1].Profile.Filter); d != "" {
			t.Errorf("a later export differs: %s", d)
		}
	}
}

func TestNumSteps(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	v := start(t, c, profile.StartRequest{NumSteps: 3, Stages: []int{0}})
	c.Profiles.CountSteps(1, 9) // of a stage that is not recorded
	c.Profiles.CountSteps(0, 2)
	if v, _ := c.Profiles.Get(v.ID); v.State != profile.StateRecording || v.Steps != 2 {
		t.Fatalf("%s after %d steps", v.State, v.Steps)
	}
	c.Profiles.CountSteps(0, 2)
	if v := finished(t, c, v.ID); v.EndedBy != profile.EndedByNumSteps || v.State != profile.StateComplete || v.Steps != 4 {
		t.Errorf("ended by %s with %d steps", v.EndedBy, v.Steps)
	}
	c.Profiles.CountSteps(0, 1) // no profile
}

func TestStartLater(t *testing.T) {
	for name, test := range map[string]struct {
		r     profile.StartRequest
		act   func(c *coretest.Core, id string)
		by    profile.EndedBy
		state profile.State
		says  string // in the warnings, of a profile that recorded nothing
	}{
		"time": {profile.StartRequest{StartAfter: 5 * time.Second, Duration: 3 * time.Second}, func(*coretest.Core, string) {}, profile.EndedByDuration, profile.StateComplete, ""},
		"steps": {profile.StartRequest{StartStep: 3, NumSteps: 2}, func(c *coretest.Core, _ string) {
			c.Profiles.CountSteps(0, 2)
			c.Profiles.CountSteps(0, 2)
			synctest.Wait()
			c.Profiles.CountSteps(0, 2)
		}, profile.EndedByNumSteps, profile.StateComplete, ""},
		"both": {profile.StartRequest{StartAfter: time.Second, StartStep: 1, NumSteps: 1}, func(c *coretest.Core, _ string) {
			c.Profiles.CountSteps(0, 5) // too early
			time.Sleep(2 * time.Second)
			synctest.Wait()
			c.Profiles.CountSteps(0, 1)
			synctest.Wait()
			c.Profiles.CountSteps(0, 1)
		}, profile.EndedByNumSteps, profile.StateComplete, ""},
		"stopped before": {profile.StartRequest{StartAfter: time.Minute}, func(c *coretest.Core, id string) {
			_, _ = c.Profiles.Stop(context.Background(), id)
		}, profile.EndedByStop, profile.StateComplete, "start_after_s was 60"},
		"never": {profile.StartRequest{StartStep: 9}, func(c *coretest.Core, _ string) { c.Profiles.CountSteps(0, 4) }, profile.EndedByMaxDuration, profile.StateComplete, "4 steps were seen"},
		"cannot": {profile.StartRequest{StartAfter: time.Second}, func(c *coretest.Core, _ string) {
			c.Diffusion[0].SetDown(errors.New("it was killed"))
		}, profile.EndedByStart, profile.StateFailed, "before it began"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := coretest.New(t, coretest.Options{})
				v, err := c.Profiles.Start(t.Context(), test.r)
				if err != nil || v.State != profile.StateStarting || v.Waiting == nil || v.DurationS != 0 {
					t.Fatalf("%+v, %v", v, err)
				}
				if _, on := c.Diffusion[0].Recording(); on {
					t.Error("it records already")
				}
				if _, err := c.Profiles.Start(t.Context(), profile.StartRequest{}); code(t, err, profile.CodeActive).ID != v.ID {
					t.Error("a second profile starts meanwhile")
				}
				synctest.Wait()
				test.act(c, v.ID)
				v = finished(t, c, v.ID)
				if v.EndedBy != test.by || v.State != test.state || v.Waiting != nil {
					t.Errorf("%s, ended by %s: %+v", v.State, v.EndedBy, v)
				}
				if text := strings.Join(v.Warnings, "; "); !strings.Contains(text, test.says) || (test.says == "") != (len(v.Artifacts) > 0) {
					t.Errorf("warnings %q, %d artifacts", text, len(v.Artifacts))
				}
			})
		})
	}
}

func TestCPUProfiles(t *testing.T) {
	c := coretest.New(t, coretest.Options{Replicas: 3})
	c.Diffusion[1].NoCPU = wire.ErrCPUProfiling
	c.Diffusion[2].FailCPU = errors.New("it was killed")
	v := start(t, c, profile.StartRequest{Activities: []profile.Activity{profile.ActivityPprof}})
	v = stop(t, c, v.ID)
	var names []string
	for _, a := range v.Artifacts {
		if a.Profiler == "pprof" {
			names = append(names, a.Name)
			if b, err := os.ReadFile(filepath.Join(c.Dir, v.ID, a.Path)); err != nil || int64(len(b)) != a.Bytes || len(a.SHA256) != 64 {
				t.Errorf("%+v, %v", a, err)
			}
		}
	}
	if d := cmp.Diff([]string{"cpu.stage_0_diffusion_rank0.pprof", "cpu.stage_1_resize_rank0.pprof", "cpu.core.pprof"}, names); d != "" {
		t.Error(d)
	}
	for _, want := range []string{"no CPU profile of stage_0_diffusion_rank1: another CPU profile", "no CPU profile of stage_0_diffusion_rank2: it was killed"} {
		if !strings.Contains(strings.Join(v.Warnings, "\n"), want) {
			t.Errorf("%q does not say %q", v.Warnings, want)
		}
	}
	if v.State != profile.StateComplete {
		t.Error(v.State)
	}
}

func TestPrompts(t *testing.T) {
	c := coretest.New(t, coretest.Options{Profile: func(o *profile.Options) { o.RecordPrompts = true }})
	told := func() (did bool) {
		c.Profiles.WithPrompts(func() { did = true })
		return did
	}
	if told() {
		t.Error("without a profile")
	}
	stop(t, c, start(t, c, profile.StartRequest{}).ID)
	v := start(t, c, profile.StartRequest{RecordPrompts: true})
	if !told() || !v.Options.RecordPrompts {
		t.Error("not in the profile that may")
	}
	stop(t, c, v.ID)
	v = start(t, c, profile.StartRequest{})
	if told() {
		t.Error("in a profile that may not")
	}
	stop(t, c, v.ID)
}
