//go:build !linux || nocuda || !(amd64 || arm64)

package cuda

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestNotBuilt: a program without CUDA says so, and does not start where device events are required.
func TestNotBuilt(t *testing.T) {
	for _, control := range []trace.Control{trace.ControlRecord, trace.ControlCUDAProfiler} {
		rec := trace.New(trace.Options{})
		defer rec.Close()
		Attach(rec, Options{Mode: Required})
		if err := rec.Start(trace.Start{Path: filepath.Join(t.TempDir(), "a.seg"), MaxBytes: 1 << 20, Control: control}); !errors.Is(err, ErrNotBuilt) {
			t.Errorf("required: %v", err)
		}
		rec = trace.New(trace.Options{})
		defer rec.Close()
		c := Attach(rec, Options{})
		if err := rec.Start(trace.Start{Path: filepath.Join(t.TempDir(), "a.seg"), MaxBytes: 1 << 20, Control: control}); err != nil {
			t.Fatal(err)
		}
		th := c.Bind(rec.Track("worker"))
		th.Begin(trace.Name("span")).End()
		th.Release()
		st, err := rec.Stop()
		if err != nil || st.Events != 1 || len(st.Notes) != 1 || !strings.Contains(st.Notes[0], ErrNotBuilt.Error()) {
			t.Errorf("auto: %+v, %v", st, err)
		}
	}
}
