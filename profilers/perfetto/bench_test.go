package perfetto

import (
	"testing"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// BenchmarkExport is how many events a second one core writes.
func BenchmarkExport(b *testing.B) {
	p := rank(0)
	w := p.track("worker")
	arg := recording.Arg{Key: name(0, "flops"), Type: trace.TypeInt, Int: 1 << 30}
	linear := name(trace.CategoryOperator, "dit::linear")
	for i := range int64(100) {
		w.begin(i*10000, "denoise_step")
		for k := range int64(100) {
			w.begin(i*10000+k*100+1, "", arg)
			w.open[1].Name = linear
			w.end(i*10000 + k*100 + 60)
		}
		w.end(i*10000 + 9999)
	}
	batch := p.batch()
	s, err := New().Open(b.Context(), profiler.Profile{ID: "x", Dir: b.TempDir(), Started: started})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Consume(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(batch.Events))/b.Elapsed().Seconds(), "events/s")
	if _, err := s.Finish(b.Context(), profiler.Summary{}); err != nil {
		b.Fatal(err)
	}
}
