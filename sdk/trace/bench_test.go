package trace_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/trace"
)

var sink uint64

func BenchmarkOneClock(b *testing.B) {
	for b.Loop() {
		sink = trace.Counter()
	}
}

func BenchmarkTwoClocks(b *testing.B) {
	for b.Loop() {
		sink = trace.Counter()
		sink = trace.Counter()
	}
}

// warm prepares a recorder and a track for a benchmark.
func warm(b *testing.B, on bool) *trace.Track {
	r := trace.New(trace.Options{})
	if on {
		start(b, r, filepath.Join(b.TempDir(), "a.seg"), 64*mib)
	}
	b.Cleanup(func() { _ = r.Close() })
	b.ReportAllocs()
	return r.Track("w")
}

func BenchmarkSpan(b *testing.B) {
	w := warm(b, true)
	for b.Loop() {
		w.Begin(nameInner).End()
		trace.Rewind(w)
	}
}

func BenchmarkSpan4Args(b *testing.B) {
	w := warm(b, true)
	for b.Loop() {
		w.BeginArgs(nameInner, trace.Int(keyN, 1), trace.Int(keyN, 2), trace.Text(keyN, nameMark), trace.Float(keyN, 1)).End()
		trace.Rewind(w)
	}
}

func BenchmarkSpanEndArgs(b *testing.B) {
	w := warm(b, true)
	for b.Loop() {
		w.Begin(nameInner).EndArgs(trace.Int(keyN, 1))
		trace.Rewind(w)
	}
}

func BenchmarkInstant(b *testing.B) {
	w := warm(b, true)
	for b.Loop() {
		w.Instant(nameMark)
		trace.Rewind(w)
	}
}

func BenchmarkCount(b *testing.B) {
	w := warm(b, true)
	for b.Loop() {
		w.Count(nameMark, 1)
		trace.Rewind(w)
	}
}

func BenchmarkOff(b *testing.B) {
	w := warm(b, false)
	for b.Loop() {
		w.Begin(nameInner).End()
	}
}

func BenchmarkOff4Args(b *testing.B) {
	w := warm(b, false)
	for b.Loop() {
		w.BeginArgs(nameInner, trace.Int(keyN, 1), trace.Int(keyN, 2), trace.Text(keyN, nameMark), trace.Float(keyN, 1)).End()
	}
}

func BenchmarkOffCount(b *testing.B) {
	w := warm(b, false)
	for b.Loop() {
		w.Count(nameMark, 1)
	}
}

// BenchmarkFresh writes to memory that was never written: blocks of 512 spans, with a pause after every fourth, as a
// server has. It reports percentiles of a block's cost per span, and the worst block.
func BenchmarkFresh(b *testing.B) {
	const per = 512
	for b.Loop() {
		r := trace.New(trace.Options{})
		start(b, r, filepath.Join(b.TempDir(), "a.seg"), 1024*mib)
		w := r.Track("w")
		blocks := make([]time.Duration, 20_000)
		for i := range blocks {
			began := time.Now()
			for range per {
				w.Begin(nameInner).End()
			}
			blocks[i] = time.Since(began)
			if i%4 == 0 {
				time.Sleep(300 * time.Microsecond)
			}
		}
		st := stop(b, r)
		slices.Sort(blocks)
		ns := func(q float64) float64 { return float64(blocks[int(q*float64(len(blocks)-1))]) / per }
		b.ReportMetric(ns(0.5), "p50-ns/span")
		b.ReportMetric(ns(0.99), "p99-ns/span")
		b.ReportMetric(ns(0.9999), "p99.99-ns/span")
		b.ReportMetric(float64(blocks[len(blocks)-1])/1e3, "worst-block-µs")
		b.ReportMetric(float64(st.Lost.Total()), "lost")
	}
}

// BenchmarkStartStop reports how long a start takes, and a stop of a recording of 160,000 events.
func BenchmarkStartStop(b *testing.B) {
	dir := b.TempDir()
	r := trace.New(trace.Options{})
	defer r.Close()
	w := r.Track("w")
	var starts, stops time.Duration
	n := 0
	for b.Loop() {
		began := time.Now()
		start(b, r, filepath.Join(dir, fmt.Sprint(n)), 512*mib)
		starts += time.Since(began)
		for range 160_000 {
			w.Begin(nameInner).End()
		}
		began = time.Now()
		stop(b, r)
		stops += time.Since(began)
		n++
	}
	b.ReportMetric(float64(starts.Microseconds())/float64(n), "µs/start")
	b.ReportMetric(float64(stops.Microseconds())/float64(n), "µs/stop")
}

// BenchmarkDifferences measures turn by turn and reports medians: what an operation costs beyond the clock reads that it
// cannot do without.
func BenchmarkDifferences(b *testing.B) {
	const per = 100_000
	w := warm(b, true)
	ops := []func(){
		func() { sink = trace.Counter() },
		func() { sink = trace.Counter(); sink = trace.Counter() },
		func() { w.Begin(nameInner).End(); trace.Rewind(w) },
		func() {
			w.BeginArgs(nameInner, trace.Int(keyN, 1), trace.Int(keyN, 2), trace.Text(keyN, nameMark), trace.Float(keyN, 1)).End()
			trace.Rewind(w)
		},
		func() { w.Instant(nameMark); trace.Rewind(w) },
		func() { w.Count(nameMark, 1); trace.Rewind(w) },
	}
	took := make([][]float64, len(ops))
	for b.Loop() {
		for i, op := range ops {
			began := time.Now()
			for range per {
				op()
			}
			took[i] = append(took[i], float64(time.Since(began))/per)
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	ns := func(i int) float64 { return took[i][len(took[i])/2] }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ns(1), "2clocks-ns")
	b.ReportMetric(ns(2)-ns(1), "span-over-2clocks-ns")
	b.ReportMetric(ns(3)-ns(1), "4args-over-2clocks-ns")
	b.ReportMetric(ns(4)-ns(0), "instant-over-clock-ns")
	b.ReportMetric(ns(5)-ns(0), "count-over-clock-ns")
}
