package recording_test

import (
	"math"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestCostOf(t *testing.T) {
	of := func(events uint64, ns float64, d time.Duration, cores int) recording.Summary {
		return recording.Summary{Process: &recording.Process{EventNs: ns, Cores: cores}, Events: events, Bytes: 100, Recorded: d}
	}
	foreign := of(1e6, 0, time.Hour, 0)
	for name, c := range map[string]struct {
		in   []recording.Summary
		want *recording.Cost
	}{
		"nobody":          {nil, nil},
		"a missing file":  {[]recording.Summary{{Error: "missing"}}, nil},
		"foreign writers": {[]recording.Summary{foreign}, nil},
		"one": {[]recording.Summary{of(1e6, 20, 2*time.Second, 4)},
			&recording.Cost{Events: 1e6, Bytes: 100, NsPerEvent: 20, CPUSeconds: 0.02, CoreShare: 0.01, MachineShare: 0.0025}},
		"weighed by events": {[]recording.Summary{of(3e6, 10, 2*time.Second, 4), of(1e6, 30, time.Second, 4)},
			&recording.Cost{Events: 4e6, Bytes: 200, NsPerEvent: 15, CPUSeconds: 0.06, CoreShare: 0.03, MachineShare: 0.0075}},
		"no event": {[]recording.Summary{of(0, 20, time.Second, 4)}, &recording.Cost{Bytes: 100, NsPerEvent: 20}},
		"no time":  {[]recording.Summary{of(10, 20, 0, 4)}, &recording.Cost{Events: 10, Bytes: 100, NsPerEvent: 20, CPUSeconds: 2e-7}},
	} {
		t.Run(name, func(t *testing.T) {
			near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-12 })
			if d := cmp.Diff(c.want, recording.CostOf(c.in), near); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// A recorder's own measure comes back from its segment.
func TestCostIsInTheSegment(t *testing.T) {
	dir := t.TempDir()
	r := trace.New(trace.Options{})
	if err := r.Start(trace.Start{Path: filepath.Join(dir, "a.seg"), MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	w := r.Track("w")
	for range 100 {
		w.Begin(trace.Name("x")).End()
	}
	time.Sleep(2 * time.Millisecond)
	st, err := r.Stop()
	if err != nil {
		t.Fatal(err)
	}
	read, err := recording.Read(t.Context(), dir, func(*recording.Batch) error { return nil })
	if err != nil || len(read) != 1 {
		t.Fatal(read, err)
	}
	p := read[0].Process
	if p.EventNs != st.EventNs || p.EventNs <= 0 || p.Cores != runtime.NumCPU() || read[0].Recorded < 2*time.Millisecond {
		t.Errorf("wrote %v ns, read %v ns, %d cores, %v", st.EventNs, p.EventNs, p.Cores, read[0].Recorded)
	}
	if c := read[0].Cost(); c == nil || c.Events != 100 || c.Bytes != st.Bytes || c.CoreShare <= 0 || c.CoreShare > 1 {
		t.Errorf("%+v", c)
	}
}
