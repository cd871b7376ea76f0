package profile_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/recording/summary"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// recovered is a profile's result once its recovery has ended.
func recovered(t *testing.T, m *profile.Manager, id string) profile.View {
	t.Helper()
	v, err := m.Stop(t.Context(), id)
	if err != nil || !v.State.Final() {
		t.Fatalf("profile %s: %+v, %v", id, v, err)
	}
	return v
}

// reader makes a profiler tell what it read of the recording, as a real one does.
func reader(name string) *coretest.Exporter {
	x := coretest.NewExporter(name)
	x.Edit = func(dir string, r *wire.FinishReply) {
		var a summary.Aggregator
		r.Processes, _ = recording.Read(context.Background(), filepath.Join(dir, "recording"), func(b *recording.Batch) error {
			a.Add(b)
			return nil
		})
		r.Table = a.Table()
	}
	return x
}

// crash records a profile with spans, two of them open, and gives the folder that a kill -9 of everything at that moment
// leaves: the manifest and the segments as they are.
func crash(t *testing.T) (dir, id string) {
	t.Helper()
	core := trace.New(trace.Options{})
	t.Cleanup(func() { core.Close() })
	rank := recordingRank(t, 0, "diffusion", 0)
	live := t.TempDir()
	m := coretest.NewManager(t, profile.Options{Dir: live, Model: "emoji", Core: profile.NewLocal(core), Profilers: []string{"chrome"},
		Ranks: []profile.Recorder{rank}, Exporter: func(string) (profile.Exporter, error) { return coretest.NewExporter("chrome"), nil }})
	v, err := m.Start(t.Context(), profile.StartRequest{Label: "cut"})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := rank.Generate(t.Context(), &model.Request{ID: "r"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	outer := rank.track.Begin(spanForward)
	inner := rank.track.Begin(spanForward)
	dir = filepath.Join(t.TempDir(), "profiles")
	if _, err := m.Get(v.ID); err != nil {
		t.Fatal(err)
	}
	waitForManifest(t, live, v.ID, profile.StateRecording)
	if err := os.CopyFS(dir, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	inner.End()
	outer.End()
	stopped, err := m.Stop(t.Context(), "")
	if err != nil || !stopped.State.Final() {
		t.Fatal(stopped, err)
	}
	return dir, v.ID
}

func waitForManifest(t *testing.T, dir, id string, state profile.State) {
	t.Helper()
	for {
		data, err := os.ReadFile(filepath.Join(dir, id, "recording", "profile.json"))
		if err == nil && strings.Contains(string(data), `"state": "`+string(state)+`"`) {
			return
		}
		if t.Context().Err() != nil {
			t.Fatal("the manifest was not written")
		}
	}
}

func TestRecover(t *testing.T) {
	dir, id := crash(t)
	part := filepath.Join(dir, id, ".killed.json.part")
	if err := os.WriteFile(part, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	x := reader("chrome")
	m := coretest.NewManager(t, profile.Options{Dir: dir, Offline: func(string) (profile.Exporter, error) { return x, nil }})
	v := recovered(t, m, id)
	if v.State != profile.StateRecovered || v.EndedBy != profile.EndedByCrash || v.Error != "" || v.Label != "cut" || v.StoppedAt == nil || len(v.Artifacts) == 0 {
		t.Errorf("view %+v", v)
	}
	if len(v.Warnings) == 0 || !strings.Contains(v.Warnings[0], "the server ended while the profile was recording") || !strings.Contains(v.Warnings[0], "2 spans were open") {
		t.Errorf("warnings %q", v.Warnings)
	}
	for _, p := range v.Processes {
		want := map[bool]uint64{true: 0, false: 2}[p.Process == "core"]
		if p.Ended != profile.ProcessDied || p.OpenSpans != want || p.Bytes == 0 {
			t.Errorf("process %+v", p)
		}
		if p.Process != "core" && p.Events < 20 {
			t.Errorf("events were lost: %+v", p)
		}
	}
	if opens := x.Opens(); len(opens) != 1 || opens[0].Profile.ID != id || opens[0].Profile.Label != "cut" || opens[0].Profile.MaxBytes == 0 {
		t.Errorf("opened %+v", opens)
	}
	if _, err := os.Stat(part); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed export left lies there still: %v", err)
	}
	if table, err := m.Summary(id); err != nil || table.Events == 0 || table.Open != 2 {
		t.Errorf("summary %+v, %v", table, err)
	}
	// A server that comes later finds it finished.
	again := coretest.NewManager(t, profile.Options{Dir: dir})
	if v, err := again.Get(id); err != nil || v.State != profile.StateRecovered {
		t.Errorf("read back: %+v, %v", v, err)
	}
}

// Without the profiler the recording is kept, the reason is told and the summary is there all the same.
func TestRecoverWithoutItsProfiler(t *testing.T) {
	dir, id := crash(t)
	m := coretest.NewManager(t, profile.Options{Dir: dir, Offline: func(string) (profile.Exporter, error) {
		return nil, errors.New(`no profiler "chrome" is declared`)
	}})
	v := recovered(t, m, id)
	if v.State != profile.StateFailed || !strings.Contains(v.Error, "its recording is kept") || !strings.Contains(v.Error, "is declared") || v.Exports[0].State != profile.ExportFailed {
		t.Errorf("view %+v", v)
	}
	if !strings.Contains(v.Warnings[0], "2 spans were open") {
		t.Errorf("warnings %q", v.Warnings)
	}
	if v.Events < 20 || v.Processes[0].OpenSpans != 2 {
		t.Errorf("figures %+v", v.Processes)
	}
	if table, err := m.Summary(id); err != nil || table.Events == 0 {
		t.Errorf("summary %+v, %v", table, err)
	}
	if segments, err := recording.Segments(filepath.Join(dir, id, "recording")); err != nil || len(segments) != 2 || segments[0].Closed {
		t.Errorf("segments %+v, %v", segments, err)
	}
}

// A server that ends in the middle of a recovery leaves it to the next, and is not held up by it.
func TestRecoverIsInterrupted(t *testing.T) {
	dir, id := crash(t)
	x := reader("chrome")
	began := make(chan struct{})
	x.OnFinish = func(ctx context.Context, _ wireFinish) error { close(began); return hang(ctx) }
	m, err := profile.New(profile.Options{Dir: dir, Offline: func(string) (profile.Exporter, error) { return x, nil }})
	if err != nil {
		t.Fatal(err)
	}
	<-began
	if v, err := m.Get(id); err != nil || v.State != profile.StateExporting {
		t.Errorf("while it is recovered: %+v, %v", v, err)
	}
	code(t, m.Delete(id), profile.CodeActive)
	if err := m.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.Mend()
	next := coretest.NewManager(t, profile.Options{Dir: dir, Offline: func(string) (profile.Exporter, error) { return x, nil }})
	if v := recovered(t, next, id); v.State != profile.StateRecovered {
		t.Errorf("view %+v", v)
	}
}

// mortal is a profiler whose process can die.
type mortal struct {
	*coretest.Exporter
	death error
}

func (x *mortal) Err() error { return x.death }

// A profiler that died is started once more and exports the whole recording; when it dies again, the profile says so.
func TestProfilerDies(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fails int
		state profile.State
	}{
		{"once", 1, profile.StateComplete},
		{"twice", 2, profile.StateFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := &mortal{Exporter: coretest.NewExporter("chrome")}
			c := coretest.New(t, coretest.Options{Profile: func(o *profile.Options) {
				o.Exporter = func(string) (profile.Exporter, error) { return x, nil }
			}})
			start(t, c, profile.StartRequest{})
			x.OnOpen = func(context.Context, wireOpen) error { x.death = nil; return nil }
			fails := tt.fails
			x.OnFinish = func(context.Context, wireFinish) error {
				if fails--; fails >= 0 {
					x.death = coretest.ErrDied
				}
				return x.death
			}
			v := stop(t, c, "")
			if v.State != tt.state || len(x.Opens()) != 2 || len(x.Finishes()) != 2 {
				t.Errorf("view %+v, %d opens", v, len(x.Opens()))
			}
			says := strings.Join(v.Warnings, "\n") + v.Error
			if !strings.Contains(says, "chrome") || !strings.Contains(says, "started again") {
				t.Errorf("nothing is said: %q", says)
			}
		})
	}
}

// A segment that was cut short, as by a file system that lost its end, gives what is before the cut.
func TestRecoverTruncatedSegment(t *testing.T) {
	for _, keep := range []int64{0, 100, 4096, 100 << 10} {
		dir, id := crash(t)
		path := filepath.Join(dir, id, "recording", "stage_0_diffusion_rank0.seg")
		if err := os.Truncate(path, keep); err != nil {
			t.Fatal(err)
		}
		x := reader("chrome")
		m := coretest.NewManager(t, profile.Options{Dir: dir, Offline: func(string) (profile.Exporter, error) { return x, nil }})
		v := recovered(t, m, id)
		if v.State != profile.StateRecovered {
			t.Errorf("cut to %d bytes: %+v", keep, v)
		}
		if events := v.Processes[0].Events; (events > 0) != (keep == 100<<10) {
			t.Errorf("cut to %d bytes: %d events", keep, events)
		}
	}
}

// A server that was killed before it had written the manifest leaves segments only; they are exported all the same.
func TestRecoverWithoutAManifest(t *testing.T) {
	dir, id := crash(t)
	if err := os.Remove(filepath.Join(dir, id, "recording", "profile.json")); err != nil {
		t.Fatal(err)
	}
	x := reader("chrome")
	m := coretest.NewManager(t, profile.Options{Dir: dir, Profilers: []string{"chrome"}, Offline: func(string) (profile.Exporter, error) { return x, nil }})
	v := recovered(t, m, id)
	if v.State != profile.StateRecovered || len(v.Artifacts) == 0 || len(v.Processes) != 2 || !strings.Contains(v.Warnings[0], "while the profile was starting") {
		t.Errorf("view %+v", v)
	}
}

// A start that was killed before there was a file leaves a folder, which goes; one with anything in it stays.
func TestKilledBeforeAnything(t *testing.T) {
	dir := t.TempDir()
	for id, file := range map[string]string{
		"20260101-000000-000001": "",
		"20260101-000000-000002": "recording/.new-1.tmp",
		"20260101-000000-000003": "notes.txt",
	} {
		if err := os.MkdirAll(filepath.Join(dir, id, "recording"), 0o700); err != nil {
			t.Fatal(err)
		}
		if file != "" {
			if err := os.WriteFile(filepath.Join(dir, id, file), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "20260101-000000-000004"), 0o700); err != nil {
		t.Fatal(err)
	}
	m := coretest.NewManager(t, profile.Options{Dir: dir, Core: coretest.CoreRecorder(), Log: slog.New(slog.DiscardHandler)})
	if l := m.List(); len(l) != 0 {
		t.Errorf("%+v", l)
	}
	if left := dirs(t, dir); len(left) != 1 || left[0] != "20260101-000000-000003" {
		t.Errorf("left: %q", left)
	}
}
