package profile_test

import (
	"log/slog"
	"os"
	"path/filepath"
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

// TestRemovedFolders: a profile whose folder somebody removed is not shown any more, and one can be made when the folder of
// all is gone.
func TestRemovedFolders(t *testing.T) {
	for name, minFree := range map[string]int64{"free disk is watched": 1, "it is not": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logs syncBuffer
				c := coretest.New(t, keeping(&logs, func(o *profile.Options) { o.MinFreeBytes, o.MaxAge = minFree, time.Hour }))
				first, second := one(t, c), one(t, c)
				remove := func(path string) {
					t.Helper()
					if err := os.RemoveAll(path); err != nil {
						t.Fatal(err)
					}
				}
				remove(filepath.Join(c.Dir, first))
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if got := ids(c.Profiles.List()); !cmp.Equal(got, []string{second}) {
					t.Errorf("listed %v", got)
				}
				if text := logs.String(); !strings.Contains(text, "id="+first+" state=removed why=\"its folder is gone") {
					t.Errorf("nothing in the log:\n%s", text)
				}
				remove(c.Dir)
				third := one(t, c)
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if got := ids(c.Profiles.List()); !cmp.Equal(got, []string{third}) {
					t.Errorf("listed %v", got)
				}
				if v, err := c.Profiles.Get(third); err != nil || v.State != profile.StateComplete {
					t.Errorf("%+v, %v", v, err)
				}
			})
		})
	}
}

// TestRemovedFlightFolder: the flight recorder begins anew when its folder, or that of all profiles, was removed. Real
// recorders, because they hold files open.
func TestRemovedFlightFolder(t *testing.T) {
	core := trace.New(trace.Options{})
	t.Cleanup(func() { core.Close() })
	dir := filepath.Join(t.TempDir(), "profiles")
	x := coretest.NewExporter("chrome")
	m := coretest.NewManager(t, profile.Options{Dir: dir, Model: "emoji", Core: profile.NewLocal(core), Profilers: []string{"chrome"},
		Exporter: func(string) (profile.Exporter, error) { return x, nil }, Log: slog.New(slog.DiscardHandler), Flight: &profile.Flight{Window: 5 * time.Second}})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	var err error
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if _, err = m.Snapshot(t.Context(), profile.SnapshotRequest{}); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("a minute later: %v", err)
	}
	core.Lane("request").Begin(spanForward).End()
	v, err := m.Snapshot(t.Context(), profile.SnapshotRequest{})
	if err != nil {
		t.Fatal(err)
	}
	spans := 0
	_, err = recording.Read(t.Context(), filepath.Join(dir, v.ID, "recording"), func(b *recording.Batch) error {
		for e := range b.All() {
			if e.Name.Text == "pipeline_forward" {
				spans++
			}
		}
		return nil
	})
	if err != nil || spans != 1 {
		t.Errorf("%d spans, %v", spans, err)
	}
}
