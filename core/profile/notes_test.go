package profile_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestNotesOfProcesses: what a rank says is missing is a warning of the profile, once and from when it says so, what its device's own
// library dropped is a loss by name, and every rank is told what profile.control asks of it.
func TestNotesOfProcesses(t *testing.T) {
	ranks := []*coretest.Rank{coretest.NewRank(0, "diffusion", 0), coretest.NewRank(0, "diffusion", 1)}
	ranks[1].Notes = []string{"device events are absent: no device"}
	ranks[1].Stats = trace.Stats{Events: 5, Lost: trace.Losses{Device: 3}, Notes: append([]string{"3 were dropped"}, ranks[1].Notes...)}
	x := coretest.NewExporter("chrome")
	dir := t.TempDir()
	m := coretest.NewManager(t, profile.Options{
		Dir: dir, Profilers: []string{"chrome"}, Ranks: []profile.Recorder{ranks[0], ranks[1]}, Control: trace.ControlCUDAProfiler,
		Exporter: func(string) (profile.Exporter, error) { return x, nil },
	})
	v, err := m.Start(t.Context(), profile.StartRequest{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"stage_0_diffusion_rank1: device events are absent: no device"}
	if d := cmp.Diff(want, v.Warnings); d != "" {
		t.Errorf("at the start:\n%s", d)
	}
	for _, r := range ranks {
		if s, ok := r.Recording(); !ok || s.Control != trace.ControlCUDAProfiler {
			t.Errorf("%s records with %+v", r.Label(), s)
		}
	}
	if v, err = m.Stop(t.Context(), v.ID); err != nil {
		t.Fatal(err)
	}
	want = append(want, "stage_0_diffusion_rank1: 3 were dropped")
	if again := slices.Contains(v.Warnings[1:], want[0]); again {
		t.Errorf("said twice: %q", v.Warnings)
	}
	if d := cmp.Diff(want, v.Warnings[:2]); d != "" || v.Losses.Total != 3 || v.Losses.ByReason["device"] != 3 {
		t.Errorf("%+v\n%s", v.Losses, d)
	}
}
