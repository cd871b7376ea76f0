package otlp

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// nowhere is a client that makes the bytes of every upload and sends none.
type nowhere struct{}

func (nowhere) Start(context.Context) error { return nil }
func (nowhere) Stop(context.Context) error  { return nil }
func (nowhere) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) error {
	_, err := proto.Marshal(&collectorpb.ExportTraceServiceRequest{ResourceSpans: spans})
	return err
}

// large is a recording of some 300,000 spans.
func large(b *testing.B) (f *fixture, spans int) {
	f = recordBounded(b, 256<<20)
	const n, steps = 100, 1000
	requests(f, n, steps)
	f.stop(b)
	return f, n * (4 + 3*steps)
}

// readInto gives a recording to a sink and finishes.
func (f *fixture) readInto(b *testing.B, s profiler.Sink, p profiler.Profile, spans int) {
	s.(profiler.Stopper).Stopping(context.Background())
	processes, err := recording.Read(context.Background(), f.dir, func(batch *recording.Batch) error { return s.Consume(context.Background(), batch) })
	if err != nil {
		b.Fatal(err)
	}
	if o := finish(b, s, p, profiler.Summary{Stopped: time.Now(), Processes: processes}); o.err != nil || o.report.Spans.Sent != uint64(spans) {
		b.Fatal(o.err, o.report.Spans)
	}
}

// BenchmarkEncode is from a recording to the bytes of uploads: reading, spans with all their attributes, chunks, protobuf.
// spans/s/core counts the processor time of all threads.
func BenchmarkEncode(b *testing.B) {
	f, spans := large(b)
	c := to("127.0.0.1:1")
	before := processorTime()
	for b.Loop() {
		p := f.profile(b, "p")
		opened, err := (&Profiler{config: c}).Open(context.Background(), p)
		if err != nil {
			b.Fatal(err)
		}
		opened.(*sink).client.otlp = nowhere{}
		f.readInto(b, opened, p, spans)
	}
	took := processorTime() - before
	b.ReportMetric(float64(spans*b.N)/took.Seconds(), "spans/s/core")
	b.ReportMetric(float64(took.Nanoseconds())/float64(spans*b.N), "cpu-ns/span")
	b.ReportMetric(rssAnon(b), "MiB-RssAnon")
}

// BenchmarkCollector sends the same spans into the OpenTelemetry Collector, and then once more through the ordinary SDK.
func BenchmarkCollector(b *testing.B) {
	c := startCollector(b, "")
	f, spans := large(b)
	rate := map[string]float64{}
	run := func(name string, send func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				send(b)
			}
			rate[name] = float64(spans*b.N) / b.Elapsed().Seconds()
			b.ReportMetric(rate[name], "spans/s")
			if r := rate["BatchSpanProcessor"]; r > 0 {
				b.ReportMetric(rate["otlp"]/r, "otlp/sdk")
			}
		})
	}
	run("otlp", func(b *testing.B) {
		p := f.profile(b, "p")
		opened, err := (&Profiler{config: to(c.address)}).Open(context.Background(), p)
		if err != nil {
			b.Fatal(err)
		}
		f.readInto(b, opened, p, spans)
	})
	// The collector's own: the same uploads, kept from an export into nowhere, with nothing to be made while they are sent.
	kept := f.uploads(b, spans)
	run("collector alone", func(b *testing.B) {
		client, err := newClient(context.Background(), to(c.address), retries)
		if err != nil {
			b.Fatal(err)
		}
		var all errgroup.Group
		all.SetLimit(4) // as many as the exporter has in flight
		for _, u := range kept {
			all.Go(func() error { return client.otlp.UploadTraces(context.Background(), u) })
		}
		if err := errors.Join(all.Wait(), client.otlp.Stop(context.Background())); err != nil {
			b.Fatal(err)
		}
	})
	run("BatchSpanProcessor", func(b *testing.B) { viaSDK(b, f, c.address) })
}

// keeper is a client that keeps the uploads.
type keeper struct {
	nowhere
	mu   sync.Mutex
	kept [][]*tracepb.ResourceSpans
}

func (k *keeper) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, s := range spans {
		spans[i] = proto.CloneOf(s)
	}
	k.kept = append(k.kept, slices.Clone(spans))
	return nil
}

// uploads are those of one export.
func (f *fixture) uploads(b *testing.B, spans int) [][]*tracepb.ResourceSpans {
	k := &keeper{}
	p := f.profile(b, "p")
	opened, err := (&Profiler{config: to("127.0.0.1:1")}).Open(context.Background(), p)
	if err != nil {
		b.Fatal(err)
	}
	opened.(*sink).client.otlp = k
	f.readInto(b, opened, p, spans)
	return k.kept
}

// viaSDK makes an SDK span of every recorded one and waits until all are sent.
func viaSDK(b *testing.B, f *fixture, address string) {
	ctx := context.Background()
	exporter, err := otlptrace.New(ctx, otlptracegrpc.NewClient(otlptracegrpc.WithEndpoint(address), otlptracegrpc.WithInsecure()))
	if err != nil {
		b.Fatal(err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter, sdktrace.WithBlocking()))
	tracer := provider.Tracer(scopeName)
	_, err = recording.Read(ctx, f.dir, func(batch *recording.Batch) error {
		for e := range batch.All() {
			if e.Kind != recording.Span {
				continue
			}
			at := oteltrace.NewSpanContext(oteltrace.SpanContextConfig{
				TraceID: oteltrace.TraceID(requestTrace("p", "r")), SpanID: oteltrace.SpanID(spanOf(1, e.Parent)), TraceFlags: 1})
			attributes := []attribute.KeyValue{attribute.String("strobe.request.id", strings.Clone(e.Request))}
			for i := range e.Args {
				a := &e.Args[i]
				key := "strobe." + snake(a.Key.Text)
				switch a.Type {
				case trace.TypeInt:
					attributes = append(attributes, attribute.Int64(key, a.Int))
				case trace.TypeFloat:
					attributes = append(attributes, attribute.Float64(key, a.Float))
				case trace.TypeBool:
					attributes = append(attributes, attribute.Bool(key, a.Int != 0))
				default:
					attributes = append(attributes, attribute.String(key, strings.Clone(a.Text)))
				}
			}
			_, span := tracer.Start(oteltrace.ContextWithSpanContext(ctx, at), e.Name.Text,
				oteltrace.WithTimestamp(time.Unix(0, e.Start)), oteltrace.WithAttributes(attributes...))
			span.End(oteltrace.WithTimestamp(time.Unix(0, e.End)))
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := provider.Shutdown(ctx); err != nil {
		b.Fatal(err)
	}
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rssAnon is the anonymous memory of this process, the test's own included.
func rssAnon(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0 // not Linux
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	line, _, _ := strings.Cut(rest, "kB")
	kib, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}
