package trace_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// The calibration agrees with a benchmark of the same span on a real segment, loosely: others use this machine too.
func TestCalibration(t *testing.T) {
	r := trace.New(trace.Options{})
	start(t, r, filepath.Join(t.TempDir(), "a.seg"), 8*mib)
	w := r.Track("w")
	const spans, batches = 500, 40
	best := time.Hour
	for range batches {
		from := time.Now()
		for range spans {
			w.BeginArgs(nameInner, trace.Int(keyN, 1), trace.Float(keyN, 2), trace.Bool(keyN, true), trace.Text(keyN, nameMark)).End()
		}
		best = min(best, time.Since(from))
	}
	st, err := r.Stop()
	if err != nil {
		t.Fatal(err)
	}
	measured := float64(best.Nanoseconds()) / spans
	if st.EventNs <= 0 || st.EventNs > 10*measured || measured > 10*st.EventNs {
		t.Errorf("calibrated %.1f ns a span, measured %.1f", st.EventNs, measured)
	}
	t.Logf("calibrated %.1f ns a span, measured %.1f", st.EventNs, measured)
}

func BenchmarkCalibration(b *testing.B) {
	for b.Loop() {
		trace.Calibrate()
	}
}
