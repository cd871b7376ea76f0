// Package procstat records what a process costs while it is being recorded: memory, processor time and the garbage
// collector's pauses, as counters. What a system cannot say is absent, not zero.
package procstat

import (
	"context"
	"math"
	"runtime/metrics"
	"time"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// Interval between two samples.
const Interval = 100 * time.Millisecond

// names of the counters, all of [trace.CategoryCounter].
var (
	nameRSS   = trace.NameIn(trace.CategoryCounter, "rss_bytes")   // resident memory, bytes
	nameCPU   = trace.NameIn(trace.CategoryCounter, "cpu_percent") // of one core since the last sample; 200 is two cores
	namePause = trace.NameIn(trace.CategoryCounter, "gc_pause_ns") // all pauses for the garbage collector since the last sample
)

// Run samples until ctx ends. While the recorder is off a sample costs a timer and one load.
func Run(ctx context.Context, rec *trace.Recorder) {
	s := sampler{track: rec.Track("process")}
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if rec.On() && s.track.If(trace.CategoryCounter) != nil {
			s.sample(time.Now())
		} else {
			s.last = time.Time{}
		}
	}
}

// sampler remembers the sums at the last sample, as rates need two.
type sampler struct {
	track  *trace.Track
	last   time.Time // zero: none since the recorder was turned on
	cpu    time.Duration
	pauses float64
	gc     [1]metrics.Sample
}

func (s *sampler) sample(now time.Time) {
	if rss, ok := residentBytes(); ok {
		s.track.Count(nameRSS, rss)
	}
	cpu, haveCPU := processorTime()
	pauses, havePauses := s.totalPauses()
	if elapsed := now.Sub(s.last); !s.last.IsZero() && elapsed > 0 {
		if haveCPU {
			s.track.CountFloat(nameCPU, 100*float64(cpu-s.cpu)/float64(elapsed))
		}
		if havePauses {
			s.track.Count(namePause, int64(math.Round(1e9*(pauses-s.pauses))))
		}
	}
	s.last, s.cpu, s.pauses = now, cpu, pauses
}

// totalPauses is the seconds that the world was stopped for the garbage collector so far. The runtime keeps them in
// buckets, whose middles are summed.
func (s *sampler) totalPauses() (float64, bool) {
	s.gc[0].Name = "/sched/pauses/total/gc:seconds"
	metrics.Read(s.gc[:])
	if s.gc[0].Value.Kind() != metrics.KindFloat64Histogram {
		return 0, false
	}
	h := s.gc[0].Value.Float64Histogram()
	sum := 0.0
	for i, n := range h.Counts {
		low, high := max(h.Buckets[i], 0), h.Buckets[i+1]
		if math.IsInf(high, 1) {
			high = low
		}
		sum += float64(n) * (low + high) / 2
	}
	return sum, true
}
