package recording_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// record writes a recording of n steps of 19 operators each, with four arguments or none, and returns its folder and
// its number of events.
func record(b *testing.B, steps int, args bool) (dir string, events uint64) {
	b.Helper()
	dir = b.TempDir()
	r := trace.New(trace.Options{})
	defer r.Close()
	p := trace.Process{Kind: trace.ProcessCore, Name: "core"}
	if err := r.Start(trace.Start{Path: filepath.Join(dir, "core.seg"), MaxBytes: 1 << 30, Process: p}); err != nil {
		b.Fatal(err)
	}
	step, op := trace.NameIn(trace.CategoryStep, "denoise_step"), trace.NameIn(trace.CategoryOperator, "dit::linear")
	module, text := trace.Name("module"), trace.Name("blocks.3.attn.qkv")
	dims, shapes := trace.Name("Input Dims"), trace.Name("[[2,70,192],[192,576]]")
	flops, bytes := trace.Name("flops"), trace.Name("bytes")
	t := r.Track("worker")
	for i := range steps {
		s := t.Begin(step)
		for range 19 {
			if args {
				t.BeginArgs(op, trace.Text(module, text), trace.Shapes(dims, shapes), trace.Int(flops, int64(i)), trace.Int(bytes, 9)).End()
			} else {
				t.Begin(op).End()
			}
		}
		s.End()
		if i%1000 == 0 {
			time.Sleep(2 * time.Millisecond) // the reserve catches up
		}
	}
	st, err := r.Stop()
	if err != nil {
		b.Fatal(err)
	}
	return dir, st.Events
}

func BenchmarkRead(b *testing.B) {
	for _, bench := range []struct {
		name string
		args bool
	}{{"plain", false}, {"4args", true}} {
		b.Run(bench.name, func(b *testing.B) {
			dir, want := record(b, 25_000, bench.args)
			b.ReportAllocs()
			for b.Loop() {
				var n uint64
				_, err := recording.Read(context.Background(), dir, func(x *recording.Batch) error {
					n += uint64(len(x.Events))
					return nil
				})
				if err != nil || n != want {
					b.Fatal(n, want, err)
				}
			}
			perEvent := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(want)
			b.ReportMetric(perEvent, "ns/event")
			b.ReportMetric(1e3/perEvent, "Mevents/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
