package recording_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Segments says who wrote what, and which process had stopped in order.
func TestSegments(t *testing.T) {
	dir := t.TempDir()
	for _, p := range []struct {
		file string
		stop bool
		who  trace.Process
	}{
		{"a.seg", true, trace.Process{Kind: trace.ProcessModel, Stage: 1, StageName: "resize", Name: "resize"}},
		{"b.seg", false, trace.Process{Kind: trace.ProcessCore, Name: "core"}},
	} {
		r := trace.New(trace.Options{})
		defer r.Close()
		if err := r.Start(trace.Start{Path: filepath.Join(dir, p.file), MaxBytes: 8 << 20, Process: p.who}); err != nil {
			t.Fatal(err)
		}
		if p.stop {
			if _, err := r.Stop(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "c.seg"), []byte("no segment"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := recording.Segments(dir)
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	if s := all[0]; s.Name != "b.seg" || s.Closed || s.Process.Kind != trace.ProcessCore || s.Process.PID != os.Getpid() || s.Last.IsZero() || s.Bytes == 0 {
		t.Errorf("core's: %+v", s)
	}
	if s := all[1]; s.Name != "a.seg" || !s.Closed || s.Process.Stage != 1 || s.Last.IsZero() {
		t.Errorf("the rank's: %+v", s)
	}
	if _, err := recording.Segments(filepath.Join(dir, "gone")); err == nil {
		t.Error("no error for a folder that is not there")
	}
}
