package chrome

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
)

// later moves the batch's events on by the length of all batches, for the next time that they are used.
func later(b *recording.Batch, length int64) {
	for i := range b.Events {
		b.Events[i].Start += length
		b.Events[i].End += length
	}
}

// realBatches is 8 requests of 20 steps as plugins/dit records them, in batches as a follower gives them.
func realBatches() (batches []*recording.Batch, length int64) {
	n := names{}
	r := rank(n, 0)
	w, us := r.track("worker"), 0.0
	for i := range 8 {
		us = generate(w, us, fmt.Sprintf("img-%032d", i), uint64(i+1), 20, 8)
	}
	all := r.batch()
	for len(all.Events) > 0 {
		k := min(4096, len(all.Events))
		batches = append(batches, &recording.Batch{Process: all.Process, Events: all.Events[:k]})
		all.Events = all.Events[k:]
	}
	return batches, int64(us * 1000)
}

// BenchmarkExport writes the events of a rank into its own and the merged file: JSON, deflate, checksums and writes.
func BenchmarkExport(b *testing.B) {
	for _, compression := range []string{"fast", "small"} {
		b.Run(compression, func(b *testing.B) {
			batches, length := realBatches()
			p := &Profiler{config: Config{Compression: compression}}
			sk, err := p.Open(b.Context(), profileIn(b.TempDir()))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			n := 0
			for i := 0; b.Loop(); i++ {
				if err := sk.Consume(b.Context(), batches[i%len(batches)]); err != nil {
					b.Fatal(err)
				}
				later(batches[i%len(batches)], length)
				n += len(batches[i%len(batches)].Events)
			}
			s := sk.(*sink)
			if err := s.out.wait(); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
			b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mevents/s")
			b.ReportMetric(float64(s.processes[0].file.n)/float64(n), "JSON-bytes/event")
			b.ReportMetric(float64(s.processes[0].file.bytes)/float64(n), "gz-bytes/event")
			if err := s.Abort(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkDevice writes the events of a rank on a device into its own and the merged file: of four, one is an operator or a span
// around some, two are calls, and one is a kernel or a copy.
func BenchmarkDevice(b *testing.B) {
	batch := gpuRank(names{}, 0, 200)
	last := &batch.Events[len(batch.Events)-1]
	length := last.End - batch.Events[0].Start + 1_000_000
	seqs, correlations := map[*recording.Track]uint64{}, uint64(0)
	for i := range batch.Events {
		e := &batch.Events[i]
		seqs[e.Track], correlations = max(seqs[e.Track], e.Seq), max(correlations, e.Work.Correlation)
	}
	s, err := newSink(profileIn(b.TempDir()), Config{}.level())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Consume(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		later(batch, length)
		for i := range batch.Events {
			e := &batch.Events[i]
			e.Seq += seqs[e.Track]
			if e.Parent > 0 {
				e.Parent += seqs[e.Track]
			}
			if e.Work.Correlation > 0 {
				e.Work.Correlation += correlations
			}
			if e.Work.Track != nil {
				e.Work.External += seqs[e.Work.Track]
			}
		}
	}
	if err := s.out.wait(); err != nil {
		b.Fatal(err)
	}
	n := float64(b.N * len(batch.Events))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/event")
	b.ReportMetric(float64(s.processes[0].file.bytes)/n, "gz-bytes/event")
	if p := s.processes[0]; p.fitted+p.passed > 0 {
		b.Errorf("%d moved, %d left out", p.fitted, p.passed)
	}
	if err := s.Abort(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkFinish is what stopping costs, after a hundred images at operator level or ten million events.
func BenchmarkFinish(b *testing.B) {
	for _, want := range []int{160_000, 10_000_000} {
		b.Run(fmt.Sprint(want), func(b *testing.B) {
			batches, length := realBatches()
			var total time.Duration
			for b.Loop() {
				dir, err := os.MkdirTemp(b.TempDir(), "")
				if err != nil {
					b.Fatal(err)
				}
				s, err := New().Open(b.Context(), profileIn(dir))
				if err != nil {
					b.Fatal(err)
				}
				for i, n := 0, 0; n < want; i++ {
					batch := batches[i%len(batches)]
					n += len(batch.Events)
					if err := s.Consume(b.Context(), batch); err != nil {
						b.Fatal(err)
					}
					later(batch, length)
				}
				begin := time.Now()
				if _, err := s.Finish(b.Context(), summaryOf(batches)); err != nil {
					b.Fatal(err)
				}
				total += time.Since(begin)
				os.RemoveAll(dir)
			}
			b.ReportMetric(float64(total.Microseconds())/float64(b.N), "finish-µs")
		})
	}
}
