package wire

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestFlight has a rank's process remember, give what it remembers, and make way for a recording.
func TestFlight(t *testing.T) {
	m := ready(t, testHost(t), nil)
	if _, err := m.Snapshot(t.Context(), trace.Snapshot{Dir: t.TempDir(), Label: "x"}); !errors.Is(err, trace.ErrNoFlight) {
		t.Errorf("a snapshot while off: %v", err)
	}
	if err := m.StopFlight(t.Context()); !errors.Is(err, trace.ErrNoFlight) {
		t.Errorf("a stop while off: %v", err)
	}
	f := trace.Flight{Dir: t.TempDir(), MaxBytes: trace.MinFlightBytes, Window: 10 * time.Second}
	few := f
	few.MaxBytes = 1
	if err := m.StartFlight(t.Context(), few); err == nil || !strings.Contains(err.Error(), "max bytes is 1") {
		t.Errorf("a start with one byte: %v", err)
	}
	if err := m.StartFlight(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if err := m.StartFlight(t.Context(), f); !errors.Is(err, trace.ErrRecording) {
		t.Errorf("a second start: %v", err)
	}
	if _, err := m.Generate(t.Context(), &model.Request{Steps: 2}, nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	st, err := m.Snapshot(t.Context(), trace.Snapshot{Dir: dir, Label: "rank"})
	if err != nil || len(st.Segments) == 0 || st.Bytes == 0 || st.Lost.Total() != 0 {
		t.Fatalf("%+v, %v", st, err)
	}
	for _, name := range st.Segments {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil || !strings.HasPrefix(name, "rank.") {
			t.Errorf("segment %s: %v", name, err)
		}
	}
	if _, err := m.StartRecording(t.Context(), trace.Start{Path: filepath.Join(dir, "profile.seg"), MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Snapshot(t.Context(), trace.Snapshot{Dir: dir, Label: "y"}); !errors.Is(err, trace.ErrRecording) {
		t.Errorf("a snapshot during a recording: %v", err)
	}
	if _, err := m.StopRecording(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Snapshot(t.Context(), trace.Snapshot{Dir: dir, Label: "z"}); err != nil {
		t.Error(err)
	}
	if err := m.StopFlight(t.Context()); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(f.Dir); len(left) > 0 {
		t.Errorf("%d files are left", len(left))
	}
}
