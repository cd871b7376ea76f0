package profile_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// crashedFolder is a profile directory as a server leaves it that was killed while its flight recorder was on, with an
// operation that had ended and one that had not.
func crashedFolder(t *testing.T) string {
	t.Helper()
	rec := trace.New(trace.Options{})
	t.Cleanup(func() { rec.Close() })
	from, to := t.TempDir(), t.TempDir()
	coretest.NewManager(t, profile.Options{Dir: from, Core: profile.NewLocal(rec), Log: slog.New(slog.DiscardHandler), Flight: &profile.Flight{}})
	lane := rec.Lane("request")
	lane.Begin(spanForward).End()
	open := lane.Begin(spanForward)
	t.Cleanup(open.End)
	if err := os.CopyFS(to, os.DirFS(from)); err != nil { // the locks stay behind, as when a process ends
		t.Fatal(err)
	}
	return to
}

// awaitFinal is the one profile of a manager, once it has ended.
func awaitFinal(t *testing.T, m *profile.Manager) profile.View {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if l := m.List(); len(l) == 1 && l[0].State.Final() {
			return l[0]
		}
	}
	t.Fatalf("%+v", m.List())
	panic("unreachable")
}

// What a server remembered that was killed is a profile of the next one, whether that one remembers or not.
func TestCrashedFlight(t *testing.T) {
	for _, tt := range []struct {
		name      string
		profilers []string
		flight    *profile.Flight
	}{
		{name: "with a flight recorder", profilers: []string{"chrome"}, flight: &profile.Flight{}},
		{name: "without", profilers: []string{"chrome"}},
		{name: "without a profiler"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := crashedFolder(t)
			x := coretest.NewExporter("chrome")
			m := coretest.NewManager(t, profile.Options{Dir: dir, Core: coretest.CoreRecorder(), Profilers: tt.profilers, Flight: tt.flight,
				Exporter: func(string) (profile.Exporter, error) { return x, nil }, Log: slog.New(slog.DiscardHandler)})
			v := awaitFinal(t, m)
			if v.State != profile.StateRecovered || v.Trigger != profile.TriggerCrash || v.EndedBy != profile.EndedByCrash ||
				len(v.Processes) != 1 || v.Processes[0].Ended != profile.ProcessDied || !strings.Contains(v.Warnings[0], "flight recorder") {
				t.Errorf("%+v", v)
			}
			if d := v.DurationS; d <= 0 || d > 30 {
				t.Errorf("%v seconds", d)
			}
			var ended, open int
			_, err := recording.Read(t.Context(), filepath.Join(dir, v.ID, "recording"), func(b *recording.Batch) error {
				for e := range b.All() {
					switch {
					case e.Name.Text != "pipeline_forward":
					case e.Open:
						open++
					default:
						ended++
					}
				}
				return nil
			})
			if err != nil || ended != 1 || open != 1 {
				t.Errorf("%d spans have ended and %d are open, %v", ended, open, err)
			}
			for _, name := range dirs(t, dir) {
				if name != v.ID && tt.flight == nil {
					t.Errorf("left behind: %s", name)
				}
			}
		})
	}
}

// A server that is killed while it keeps what another one remembered leaves the rest to the next.
func TestCrashedFlightTwice(t *testing.T) {
	dir := crashedFolder(t)
	rings, err := filepath.Glob(filepath.Join(dir, ".flight-*", "core.*"))
	if err != nil || len(rings) != 1 {
		t.Fatal(rings, err)
	}
	half := filepath.Join(filepath.Dir(rings[0]), "recording")
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "profile.json"), []byte(`{"id":"20200101-000000-000000","state":"recording"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	m := coretest.NewManager(t, profile.Options{Dir: dir, Core: coretest.CoreRecorder(), Log: slog.New(slog.DiscardHandler)})
	if v := awaitFinal(t, m); v.State != profile.StateRecovered || v.Trigger != profile.TriggerCrash || v.Events == 0 {
		t.Errorf("%+v", v)
	}
}

// Profiles of triggers have a bound of their own: they push nothing out that somebody asked for, and the other way round.
func TestKeepTriggered(t *testing.T) {
	dir := t.TempDir()
	for i := range 5 {
		for _, trigger := range []string{"", profile.TriggerSlow} {
			id := fmt.Sprintf("2026010%d-00000%d-00000%d", i+1, len(trigger), i)
			rec := filepath.Join(dir, id, "recording")
			if err := os.MkdirAll(rec, 0o700); err != nil {
				t.Fatal(err)
			}
			manifest := fmt.Sprintf(`{"id":%q,"state":"complete","trigger":%q,"started_at":"2026-01-0%dT00:00:0%dZ"}`, id, trigger, i+1, len(trigger))
			if err := os.WriteFile(filepath.Join(rec, "profile.json"), []byte(manifest), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	m := coretest.NewManager(t, profile.Options{Dir: dir, Keep: 3, Core: coretest.CoreRecorder(), Log: slog.New(slog.DiscardHandler),
		Flight: &profile.Flight{Keep: 2}})
	count := map[string]int{}
	for _, v := range m.List() {
		count[v.Trigger]++
	}
	if count[""] != 3 || count[profile.TriggerSlow] != 2 {
		t.Errorf("kept: %v", count)
	}
}
