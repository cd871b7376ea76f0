package profile_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// flying makes a core whose flight recorder is on.
func flying(t *testing.T, triggers ...profile.Trigger) *coretest.Core {
	return coretest.New(t, coretest.Options{Replicas: 2, Profile: func(o *profile.Options) {
		o.Flight = &profile.Flight{Window: 30 * time.Second, MaxBytes: 64 << 20, Triggers: triggers}
	}})
}

func snapshotOf(t *testing.T, c *coretest.Core, r profile.SnapshotRequest) profile.View {
	t.Helper()
	v, err := c.Profiles.Snapshot(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := flying(t)
		for _, r := range append(c.Diffusion, c.Resize, c.CoreRank) {
			f, on := r.Flight()
			if !on || f.MaxBytes != 16<<20 || f.Window != 30*time.Second || filepath.Base(f.Dir) != r.Label()+".0" {
				t.Errorf("%s remembers %+v", r.Label(), f)
			}
		}
		if f, _ := c.CoreRank.Flight(); f.Process != (trace.Process{Kind: trace.ProcessCore, Name: "core", Model: "emoji"}) {
			t.Errorf("core remembers as %+v", f.Process)
		}
		time.Sleep(time.Minute)
		v := snapshotOf(t, c, profile.SnapshotRequest{Last: 10 * time.Second, Label: "odd"})
		if v.State != profile.StateComplete || v.EndedBy != profile.EndedBySnapshot || v.Label != "odd" || v.Trigger != "" || v.DurationS != 10 || v.StoppedAt.Sub(v.StartedAt) != 10*time.Second {
			t.Errorf("view %+v", v)
		}
		want := []string{"stage_0_diffusion_rank0.0.seg", "stage_0_diffusion_rank1.0.seg", "stage_1_resize_rank0.0.seg", "core.0.seg"}
		x := c.Exporters["chrome"]
		if got := x.Finishes()[0].Segments; !cmp.Equal(want, got) {
			t.Errorf("exported %q", got)
		}
		if open := x.Opens()[0]; !open.Since.Equal(v.StartedAt) || open.Profile.ID != v.ID {
			t.Errorf("opened %+v", open)
		}
		if diff := cmp.Diff(v, manifest(t, c, v.ID)); diff != "" {
			t.Errorf("manifest: %s", diff)
		}
		if _, ok := c.Profiles.Uncollected(); ok {
			t.Error("a snapshot waits to be collected by a stop")
		}
		again := snapshotOf(t, c, profile.SnapshotRequest{})
		if again.DurationS != 30 || again.ID == v.ID {
			t.Errorf("all that is remembered: %+v", again)
		}
	})
}

func TestSnapshotRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := flying(t)
		snapshot := func(r profile.SnapshotRequest) error {
			_, err := c.Profiles.Snapshot(t.Context(), r)
			return err
		}
		if e := code(t, snapshot(profile.SnapshotRequest{Last: 31 * time.Second}), profile.CodeInvalid); e.Param != "last_s" {
			t.Errorf("%+v", e)
		}
		code(t, snapshot(profile.SnapshotRequest{Last: -1}), profile.CodeInvalid)
		code(t, snapshot(profile.SnapshotRequest{Label: strings.Repeat("x", 201)}), profile.CodeInvalid)
		code(t, snapshot(profile.SnapshotRequest{Profilers: []string{"none"}}), profile.CodeInvalid)
		v := start(t, c, profile.StartRequest{})
		if e := code(t, snapshot(profile.SnapshotRequest{}), profile.CodeActive); e.ID != v.ID {
			t.Errorf("%+v", e)
		}
		stop(t, c, "")
		if err := snapshot(profile.SnapshotRequest{}); err != nil {
			t.Errorf("after the profile: %v", err)
		}
		for _, r := range append(c.Diffusion, c.Resize, c.CoreRank) {
			r.OnSnapshot = func(trace.Snapshot) error { return errBoom }
		}
		before := len(c.Profiles.List())
		if e := code(t, snapshot(profile.SnapshotRequest{}), profile.CodeRankUnavailable); len(e.Culprits) != 4 || !errors.Is(e, errBoom) {
			t.Errorf("%+v", e)
		}
		if n := len(c.Profiles.List()); n != before {
			t.Errorf("%d profiles after one that came to nothing, %d before", n, before)
		}
	})
	t.Run("off", func(t *testing.T) {
		c := coretest.New(t, coretest.Options{})
		_, err := c.Profiles.Snapshot(t.Context(), profile.SnapshotRequest{})
		code(t, err, profile.CodeFlightOff)
	})
	t.Run("few bytes", func(t *testing.T) {
		_, err := profile.New(profile.Options{Dir: t.TempDir(), Core: coretest.CoreRecorder(), Flight: &profile.Flight{MaxBytes: 1 << 20}})
		code(t, err, profile.CodeInvalid)
	})
}

// A process that cannot give what it remembers is named; the others are there.
func TestSnapshotOfSome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := flying(t)
		c.Resize.OnSnapshot = func(trace.Snapshot) error { return errBoom }
		v := snapshotOf(t, c, profile.SnapshotRequest{})
		if v.State != profile.StateFailed || !strings.HasPrefix(v.Error, "stage_1_resize_rank0: ") || len(v.Processes) != 4 || len(v.Artifacts) == 0 {
			t.Errorf("view %+v", v)
		}
	})
}

// A start waits for a snapshot that is being exported.
func TestStartDuringSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := flying(t)
		c.Exporters["chrome"].OnFinish = func(context.Context, wireFinish) error { time.Sleep(3 * time.Second); return nil }
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		v, err := c.Profiles.Snapshot(ended, profile.SnapshotRequest{})
		if err != nil || v.State != profile.StateExporting {
			t.Fatalf("%+v, %v", v, err)
		}
		began := time.Now()
		start(t, c, profile.StartRequest{})
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("the start took %v", d)
		}
	})
}

// What a process remembered is there after its death, and its successor remembers too.
func TestDeathTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := flying(t, profile.Trigger{Kind: profile.TriggerDeath, After: time.Second, MinInterval: time.Minute})
		dead := c.Diffusion[1]
		time.Sleep(5 * time.Second)
		was := dead.PID()
		dead.SetDown(coretest.ErrDied)
		time.Sleep(500 * time.Millisecond)
		dead.Restart()
		time.Sleep(time.Second)
		synctest.Wait()
		v := c.Profiles.List()[0]
		if v.Trigger != profile.TriggerDeath || v.Label != "death: stage_0_diffusion_rank1 died" || v.State != profile.StateComplete || len(v.Processes) != 5 {
			t.Fatalf("view %+v", v)
		}
		if p := v.Processes[1]; p.PID != was || p.Ended != profile.ProcessDied || v.Processes[2].PID == was {
			t.Errorf("processes %+v", v.Processes)
		}
		if _, err := os.Stat(filepath.Join(c.Dir, v.ID, "recording", "stage_0_diffusion_rank1.pid"+strconv.Itoa(was)+".0.seg")); err != nil {
			t.Error(err)
		}
		if f, on := dead.Flight(); !on || filepath.Base(f.Dir) != "stage_0_diffusion_rank1.1" {
			t.Errorf("the successor remembers %+v", f)
		}
		time.Sleep(40 * time.Second) // the dead one is out of the window
		if v := snapshotOf(t, c, profile.SnapshotRequest{}); len(v.Processes) != 4 {
			t.Errorf("processes %+v", v.Processes)
		}
	})
}

func TestTriggers(t *testing.T) {
	ok := func(total time.Duration) profile.Request { return profile.Request{Total: total} }
	var many []profile.Request
	for range 200 {
		many = append(many, ok(100*time.Millisecond))
	}
	for name, c := range map[string]struct {
		trigger  profile.Trigger
		calm     []profile.Request // do nothing
		alarming profile.Request
		label    string
	}{
		"slow": {profile.Trigger{Kind: profile.TriggerSlow, SlowerThan: 2 * time.Second}, slices.Concat(many, []profile.Request{ok(2 * time.Second)}), ok(2500 * time.Millisecond),
			"slow: a request took 2.5s, longer than 2s"},
		"p99": {profile.Trigger{Kind: profile.TriggerP99, Factor: 3}, slices.Concat(many[:150], []profile.Request{ok(300 * time.Millisecond)}), ok(301 * time.Millisecond),
			"p99: a request took 301ms, more than 3 times the 99th percentile, 100ms"},
		"error": {profile.Trigger{Kind: profile.TriggerError}, slices.Concat(many, []profile.Request{{Outcome: profile.OutcomeOther, Total: time.Hour}}),
			profile.Request{Outcome: profile.OutcomeFailed, Total: time.Second, Why: "failed"}, "error: a request failed after 1s: failed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.trigger.After, c.trigger.MinInterval = time.Second, time.Minute
				core := flying(t, c.trigger)
				made := func() []profile.View {
					time.Sleep(2 * time.Second)
					synctest.Wait()
					return core.Profiles.List()
				}
				for _, r := range c.calm {
					core.Profiles.ObserveRequest(r)
				}
				if list := made(); len(list) != 0 {
					t.Fatalf("it went off: %+v", list)
				}
				began := time.Now()
				core.Profiles.ObserveRequest(c.alarming)
				core.Profiles.ObserveRequest(c.alarming)
				list := made()
				if len(list) != 1 || list[0].Trigger != c.trigger.Kind || list[0].Label != c.label || list[0].StoppedAt.Sub(began) != time.Second {
					t.Fatalf("profiles %+v", list)
				}
				for range 20 { // 40 s
					core.Profiles.ObserveRequest(c.alarming)
					if n := len(made()); n != 1 {
						t.Fatalf("%d snapshots within min_interval", n)
					}
				}
				time.Sleep(20 * time.Second)
				c.alarming.Total *= 10 // the percentile has moved
				core.Profiles.ObserveRequest(c.alarming)
				if n := len(made()); n != 2 {
					t.Errorf("%d snapshots after min_interval", n)
				}
			})
		})
	}
}

// A trigger that goes off while a profile is active makes none: the profile holds that time.
func TestTriggerDuringProfile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := flying(t, profile.Trigger{Kind: profile.TriggerError, MinInterval: time.Second})
		start(t, c, profile.StartRequest{})
		c.Profiles.ObserveRequest(profile.Request{Outcome: profile.OutcomeFailed})
		time.Sleep(time.Second)
		stop(t, c, "")
		if list := c.Profiles.List(); len(list) != 1 || list[0].Trigger != "" {
			t.Errorf("profiles %+v", list)
		}
	})
}

func TestFlightFolder(t *testing.T) {
	c := flying(t)
	old := filepath.Join(c.Dir, ".flight-20200101-000000-000000")
	if err := os.Mkdir(old, 0o700); err != nil {
		t.Fatal(err)
	}
	// A second server on the same folder leaves the first one's alone and removes what nobody has.
	m, err := profile.New(profile.Options{Dir: c.Dir, Core: coretest.CoreRecorder(), Log: slog.New(slog.DiscardHandler), Flight: &profile.Flight{}})
	if err != nil {
		t.Fatal(err)
	}
	if names := dirs(t, c.Dir); len(names) != 2 || slices.Contains(names, filepath.Base(old)) {
		t.Errorf("folders %q", names)
	}
	if err := m.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Profiles.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if names := dirs(t, c.Dir); len(names) != 0 {
		t.Errorf("left behind: %q", names)
	}
	if _, on := c.Resize.Flight(); on {
		t.Error("a rank remembers after the end")
	}
}

// TestRealSnapshot reads what real recorders remember, before, during and after a profile.
func TestRealSnapshot(t *testing.T) {
	core := trace.New(trace.Options{})
	t.Cleanup(func() { core.Close() })
	dir := t.TempDir()
	x := coretest.NewExporter("chrome")
	m := coretest.NewManager(t, profile.Options{Dir: dir, Model: "emoji", Core: profile.NewLocal(core), Profilers: []string{"chrome"},
		Exporter: func(string) (profile.Exporter, error) { return x, nil }, Log: slog.New(slog.DiscardHandler), Flight: &profile.Flight{Window: 5 * time.Second}})
	lane := core.Lane("request")
	span := lane.Begin(spanForward)
	snapshot := func() (spans, open int) {
		t.Helper()
		v, err := m.Snapshot(t.Context(), profile.SnapshotRequest{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = recording.Read(t.Context(), filepath.Join(dir, v.ID, "recording"), func(b *recording.Batch) error {
			for e := range b.All() {
				if e.Name.Text == "pipeline_forward" {
					spans++
					if e.Open {
						open++
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return spans, open
	}
	if spans, open := snapshot(); spans != 1 || open != 1 {
		t.Errorf("%d spans, %d open; one is open", spans, open)
	}
	span.End()
	if spans, open := snapshot(); spans != 1 || open != 0 {
		t.Errorf("%d spans, %d open; one has ended", spans, open)
	}
	if _, err := m.Start(t.Context(), profile.StartRequest{}); err != nil {
		t.Fatal(err)
	}
	lane.Begin(spanForward).End()
	v, err := m.Stop(t.Context(), "")
	if err != nil || v.State != profile.StateComplete || v.Processes[0].Events == 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	lane.Begin(spanForward).End()
	lane.Release()
	if spans, _ := snapshot(); spans != 1 {
		t.Errorf("%d spans since the profile, want 1", spans)
	}
}
