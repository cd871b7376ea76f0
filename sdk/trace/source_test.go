package trace_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// fakeSource records its calls, and a piece of work when it is stopped.
type fakeSource struct {
	name  string
	calls *[]string
	fails error
	track *trace.WorkTrack
}

func (s *fakeSource) Start(st trace.Start) ([]string, error) {
	*s.calls = append(*s.calls, "start "+s.name+" "+string(st.Control))
	return []string{"note of " + s.name}, s.fails
}

func (s *fakeSource) Stop() []string {
	*s.calls = append(*s.calls, "stop "+s.name)
	s.track.Put(&trace.Work{Name: nameKernel, Begin: 1, End: 2})
	return []string{"note of " + s.name, "end of " + s.name}
}

func TestSources(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder()
	defer r.Close()
	var calls []string
	a := &fakeSource{name: "a", calls: &calls, track: r.DeviceTrack("a", 0, 1, 2)}
	b := &fakeSource{name: "b", calls: &calls}
	r.Attach(a)
	r.Attach(b)
	s := trace.Start{Path: filepath.Join(dir, "a.seg"), MaxBytes: mib, Control: trace.ControlCUDAProfiler}
	if err := r.Start(s); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"note of a", "note of b"}, r.Notes()); d != "" {
		t.Error(d)
	}
	st, err := r.Stop()
	if err != nil || st.Events != 1 {
		t.Errorf("%+v, %v", st, err)
	}
	if d := cmp.Diff([]string{"note of a", "note of b", "end of b", "end of a"}, st.Notes); d != "" {
		t.Error(d)
	}
	b.fails = errors.New("no device")
	s.Path, s.Control = filepath.Join(dir, "b.seg"), trace.ControlRecord
	if err := r.Start(s); !errors.Is(err, b.fails) || r.On() {
		t.Errorf("start: %v, on %v", err, r.On())
	}
	if _, err := os.Stat(s.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the segment of a start that failed: %v", err)
	}
	want := []string{"start a cuda_profiler_api", "start b cuda_profiler_api", "stop b", "stop a", "start a ", "start b ", "stop a"}
	if d := cmp.Diff(want, calls); d != "" {
		t.Error(d)
	}
}

func TestControlWithoutSources(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	dir := t.TempDir()
	for i, kind := range []trace.ProcessKind{trace.ProcessCore, trace.ProcessModel} {
		s := trace.Start{Path: filepath.Join(dir, fmt.Sprint(i)), MaxBytes: mib, Process: trace.Process{Kind: kind}, Control: trace.ControlCUDAProfiler}
		if err := r.Start(s); err != nil {
			t.Fatal(err)
		}
		if st, err := r.Stop(); err != nil || len(st.Notes) != i { // core has no devices
			t.Errorf("kind %d: %+v, %v", kind, st, err)
		}
	}
}
