package benchmarks

import (
	"context"
	"io"
	"path/filepath"
	"runtime"
	rtrace "runtime/trace"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/strobe-dev/strobe/sdk/trace"
)

var (
	nameSpan   = trace.Name("span")
	keyStep    = trace.Name("step")
	keyT       = trace.Name("t")
	keyModule  = trace.Name("module")
	nameModule = trace.Name("blocks.3.attn.qkv")
	keyCached  = trace.Name("cached")
)

// drop is an exporter that keeps nothing.
type drop struct{}

func (drop) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (drop) Shutdown(context.Context) error                             { return nil }

// contender is one way to record a span, on for as long as run runs.
type contender struct {
	name string
	run  func(tb testing.TB, measure func(span func(i int)))
}

// contenders are compared by what a begin and an end cost, and where it can be said, by the same with four arguments.
var contenders = []contender{
	{"strobe", func(tb testing.TB, measure func(func(int))) {
		track := recorded(tb)
		measure(func(int) { track.Begin(nameSpan).End() })
	}},
	{"strobe, 4 arguments", func(tb testing.TB, measure func(func(int))) {
		track := recorded(tb)
		measure(func(i int) {
			track.BeginArgs(nameSpan, trace.Int(keyStep, int64(i)), trace.Float(keyT, 0.5), trace.Text(keyModule, nameModule), trace.Bool(keyCached, true)).End()
		})
	}},
	{"strobe, off", func(tb testing.TB, measure func(func(int))) {
		r := trace.New(trace.Options{})
		tb.Cleanup(func() { _ = r.Close() })
		track := r.Track("worker")
		measure(func(int) { track.Begin(nameSpan).End() })
	}},
	{"runtime/trace region", func(tb testing.TB, measure func(func(int))) {
		if err := rtrace.Start(io.Discard); err != nil {
			tb.Skip("runtime/trace runs already:", err)
		}
		defer rtrace.Stop()
		ctx := context.Background()
		measure(func(int) { rtrace.StartRegion(ctx, "span").End() })
	}},
	{"OpenTelemetry span", func(tb testing.TB, measure func(func(int))) {
		tracer := tracer(tb)
		ctx := context.Background()
		measure(func(int) {
			_, s := tracer.Start(ctx, "span")
			s.End()
		})
	}},
	{"OpenTelemetry span, 4 arguments", func(tb testing.TB, measure func(func(int))) {
		tracer := tracer(tb)
		ctx := context.Background()
		measure(func(i int) {
			_, s := tracer.Start(ctx, "span", oteltrace.WithAttributes(attribute.Int("step", i), attribute.Float64("t", 0.5),
				attribute.String("module", "blocks.3.attn.qkv"), attribute.Bool("cached", true)))
			s.End()
		})
	}},
}

func recorded(tb testing.TB) *trace.Track {
	tb.Helper()
	r := trace.New(trace.Options{})
	if err := r.Start(trace.Start{Path: filepath.Join(tb.TempDir(), "a.seg"), MaxBytes: 4 << 30}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if _, err := r.Stop(); err != nil {
			tb.Error(err)
		}
		_ = r.Close()
	})
	return r.Track("worker")
}

// tracer samples everything and hands it to a batch processor whose exporter drops it, as a service would have it.
func tracer(tb testing.TB) oteltrace.Tracer {
	tb.Helper()
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(drop{}))
	tb.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return p.Tracer("bench")
}

func BenchmarkSpan(b *testing.B) {
	for _, c := range contenders {
		b.Run(c.name, func(b *testing.B) {
			c.run(b, func(span func(int)) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					span(i)
				}
			})
		})
	}
}

// TestRatios measures all in turn, in rounds, so that a change of the machine's speed meets them all, and prints the
// medians. It asserts no more than what would be wrong tenfold.
func TestRatios(t *testing.T) {
	rounds, spans := 21, 50_000
	if testing.Short() {
		rounds, spans = 3, 5_000
	}
	took := make([][]float64, len(contenders))
	allocated := make([]float64, len(contenders))
	for range rounds {
		for i, c := range contenders {
			c.run(t, func(span func(int)) {
				for k := range spans / 10 { // warm
					span(k)
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				began := time.Now()
				for k := range spans {
					span(k)
				}
				took[i] = append(took[i], float64(time.Since(began).Nanoseconds())/float64(spans))
				runtime.ReadMemStats(&after)
				allocated[i] = float64(after.TotalAlloc-before.TotalAlloc) / float64(spans)
			})
		}
	}
	median := func(i int) float64 { slices.Sort(took[i]); return took[i][len(took[i])/2] }
	ours := map[bool]float64{false: median(0), true: median(1)}
	for i, c := range contenders {
		m := median(i)
		base := ours[len(c.name) > 12 && c.name[len(c.name)-12:] == " 4 arguments"]
		t.Logf("%-32s %8.1f ns a span %8.0f bytes a span %7.2f × ours", c.name, m, allocated[i], m/base)
	}
	if otel := median(4); otel < ours[false]/10 {
		t.Errorf("OpenTelemetry takes %.1f ns and we %.1f: something is wrong", otel, ours[false])
	}
}
