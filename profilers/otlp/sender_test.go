package otlp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
)

// once checks that every span of a recording of n requests with so many steps arrived exactly once.
func once(t *testing.T, spans []received, n, steps int) {
	t.Helper()
	seen := map[string]int{}
	for _, s := range spans {
		seen[string(s.SpanId)]++
	}
	if want := n * (4 + 3*steps); len(seen) != want || len(spans) != want {
		t.Errorf("%d spans arrived, %d of them different, want %d", len(spans), len(seen), want)
	}
}

// TestSmallReceiver sends to one that takes 64 KiB at once.
func TestSmallReceiver(t *testing.T) {
	f := record(t)
	requests(f, 10, 100)
	f.stop(t)
	r := newReceiver(t, grpc.MaxRecvMsgSize(64<<10))
	o := f.export(t, to(r.address), f.profile(t, "p"))
	if o.err != nil || len(o.warnings) > 0 {
		t.Error(o.err, o.warnings)
	}
	once(t, r.all(), 10, 100)
	if r.largest > 64<<10 {
		t.Errorf("an upload had %d bytes", r.largest)
	}
}

func TestUploadsAreBounded(t *testing.T) {
	f := record(t)
	requests(f, 10, 200)
	f.stop(t)
	r := newReceiver(t)
	c := to(r.address)
	c.MaxRequest = 100_000
	f.export(t, c, f.profile(t, "p"))
	once(t, r.all(), 10, 200)
	if r.largest > c.MaxRequest || r.largest < c.MaxRequest*9/10 {
		t.Errorf("the largest upload had %d bytes, the bound is %d", r.largest, c.MaxRequest)
	}
}

// TestSpanTooLarge loses one span and sends the others.
func TestSpanTooLarge(t *testing.T) {
	f := record(t)
	requests(f, 1, 10)
	f.stop(t)
	r := newReceiver(t)
	r.answer = func(_ context.Context, m *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
		for _, s := range m.ResourceSpans[0].ScopeSpans[0].Spans {
			if s.Name == "pipeline_forward" {
				return nil, status.Error(codes.ResourceExhausted, "grpc: received message larger than max (a lot)")
			}
		}
		return &collectorpb.ExportTraceServiceResponse{}, nil
	}
	o := f.export(t, to(r.address), f.profile(t, "p"))
	if s := o.report.Spans; s.TooLarge != 1 || s.Sent != 33 || len(o.warnings) != 1 {
		t.Errorf("%+v, %q", s, o.warnings)
	}
}

// TestPartialSuccess is one loss, said once, and no second upload.
func TestPartialSuccess(t *testing.T) {
	f := record(t)
	requests(f, 2, 5)
	f.stop(t)
	r := newReceiver(t)
	var uploads atomic.Int32
	r.answer = func(context.Context, *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
		uploads.Add(1)
		return &collectorpb.ExportTraceServiceResponse{PartialSuccess: &collectorpb.ExportTracePartialSuccess{RejectedSpans: 3, ErrorMessage: "too old"}}, nil
	}
	o := f.export(t, to(r.address), f.profile(t, "p"))
	n := uint64(uploads.Load())
	if s := o.report.Spans; o.err != nil || s.Rejected != 3*n || s.Sent != 38-3*n || o.report.Uploads != n || o.report.Notice != "too old" || len(o.warnings) != 1 {
		t.Errorf("%d uploads, %+v, %q, %v", n, o.report, o.warnings, o.err)
	}
	once(t, r.all(), 2, 5)
}

func TestRefused(t *testing.T) {
	f := record(t)
	requests(f, 2, 5)
	f.stop(t)
	r := newReceiver(t)
	r.answer = func(context.Context, *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
		return nil, status.Error(codes.Unauthenticated, "who are you")
	}
	o := f.export(t, to(r.address), f.profile(t, "p"))
	if o.err == nil || o.report.Spans.Undelivered != 38 {
		t.Errorf("%v, %+v", o.err, o.report.Spans)
	}
}

// TestRestLater delivers a part, hangs, and takes the rest from a second export.
func TestRestLater(t *testing.T) {
	f := record(t)
	requests(f, 10, 100)
	f.stop(t)
	release := make(chan struct{})
	r := newReceiver(t)
	var uploads atomic.Int32
	r.answer = func(ctx context.Context, _ *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
		if n := uploads.Add(1); n > 5 || n == 2 { // a hole among those that it takes
			select {
			case <-release:
			case <-ctx.Done():
			}
			return nil, status.Error(codes.Unavailable, "hanging")
		}
		return &collectorpb.ExportTraceServiceResponse{}, nil
	}
	c := to(r.address)
	c.MaxRequest, c.Patience = 20_000, 300*time.Millisecond
	p := f.profile(t, "p")
	first := f.export(t, c, p)
	close(release)
	if s := first.report.Spans; first.err != nil || s.Sent == 0 || s.Undelivered == 0 || len(first.warnings) != 2 || first.report.Unanswered == 0 || first.took > 20*time.Second {
		t.Fatalf("first export: %+v, %q, %v, finished in %v", s, first.warnings, first.err, first.took)
	}
	r.mu.Lock()
	r.answer = nil
	r.mu.Unlock()
	c.Patience = 20 * time.Second
	again := f.profile(t, "p")
	again.Previous = p.Dir
	second := f.export(t, c, again)
	if s := second.report.Spans; second.err != nil || s.SentBefore != first.report.Spans.Sent || s.Sent != first.report.Spans.Undelivered || s.Undelivered != 0 || len(second.warnings) > 0 {
		t.Errorf("second export: %+v, %q, %v", s, second.warnings, second.err)
	}
	once(t, r.all(), 10, 100)

	whole := f.profile(t, "p") // after a whole one, everything is sent again
	whole.Previous = again.Dir
	if s := f.export(t, c, whole).report.Spans; s.Sent != s.Recorded {
		t.Errorf("third export: %+v", s)
	}
}

// TestReceiverRestarts takes the receiver away in the middle of a live export: the export waits and loses nothing.
func TestReceiverRestarts(t *testing.T) {
	f := record(t)
	r := newReceiver(t)
	c := to(r.address)
	p := f.profile(t, "p")
	opened, err := (&Profiler{config: c}).Open(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	requests(f, 10, 20)
	f.stop(t)
	batches := 0
	processes := follow(t, f, func(b *recording.Batch) error {
		if batches++; batches == 10 {
			r.server.GracefulStop()
		}
		return opened.Consume(context.Background(), b)
	})
	time.Sleep(2 * flushEvery) // what is left is tried in vain
	back := newReceiverAt(t, r.address)
	o := finish(t, opened, p, profiler.Summary{Stopped: time.Now(), Processes: processes})
	if o.err != nil || len(o.warnings) > 0 {
		t.Error(o.err, o.warnings)
	}
	once(t, append(r.all(), back.all()...), 10, 20)
}

// follow reads a recording in small batches.
func follow(t *testing.T, f *fixture, fn func(*recording.Batch) error) []recording.Summary {
	t.Helper()
	fo := recording.Follow(f.dir, recording.Options{BatchEvents: 20})
	defer fo.Close()
	processes, err := fo.Finish(context.Background(), fn)
	if err != nil {
		t.Fatal(err)
	}
	return processes
}

// TestNobodyThere checks that waiting has an end and memory a bound while nobody listens.
func TestNobodyThere(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f := record(t)
	requests(f, 20, 100)
	f.stop(t)
	c := to("127.0.0.1:1")
	c.MaxRequest, c.Patience, c.Timeout = 8192, 500*time.Millisecond, 100*time.Millisecond
	p := f.profile(t, "p")
	opened, err := (&Profiler{config: c}).Open(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*sink)
	var processes []recording.Summary
	var reading sync.WaitGroup
	reading.Go(func() {
		processes = follow(t, f, func(b *recording.Batch) error { return s.Consume(context.Background(), b) })
	})
	time.Sleep(300 * time.Millisecond)
	s.Stopping(context.Background())
	reading.Wait() // Consume waited, and does no longer
	o := finish(t, s, p, profiler.Summary{Stopped: time.Now(), Processes: processes})
	if o.err == nil || o.report.Spans.Undelivered != 20*304 || o.report.Unanswered > 0 || o.took > 10*time.Second {
		t.Errorf("%v, %+v, finished in %v", o.err, o.report.Spans, o.took)
	}
}

func TestAbort(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f := record(t)
	requests(f, 5, 100)
	f.stop(t)
	c := to("127.0.0.1:1")
	c.MaxRequest = 8192
	opened, err := (&Profiler{config: c}).Open(context.Background(), f.profile(t, "p"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_, err = recording.Read(context.Background(), f.dir, func(b *recording.Batch) error { return opened.Consume(ctx, b) })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Consume waits beyond its context: %v", err)
	}
	if err := opened.(profiler.Aborter).Abort(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestLive checks that spans arrive while the profile goes on.
func TestLive(t *testing.T) {
	f := record(t)
	requests(f, 1, 2)
	f.stop(t)
	r := newReceiver(t)
	opened, err := (&Profiler{config: to(r.address)}).Open(context.Background(), f.profile(t, "p"))
	if err != nil {
		t.Fatal(err)
	}
	defer opened.(profiler.Aborter).Abort(context.Background())
	follow(t, f, func(b *recording.Batch) error { return opened.Consume(context.Background(), b) })
	for began := time.Now(); len(r.all()) < 10; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("%d spans arrived", len(r.all()))
		}
	}
}

func TestRanges(t *testing.T) {
	for name, c := range map[string]struct {
		add  []uint64
		want string
	}{
		"in order":  {[]uint64{0, 1, 2, 3}, "[[0 4]]"},
		"backwards": {[]uint64{3, 2, 1, 0}, "[[0 4]]"},
		"a hole":    {[]uint64{0, 1, 4, 5}, "[[0 2] [4 6]]"},
		"filled":    {[]uint64{0, 1, 3, 4, 2}, "[[0 5]]"},
		"twice":     {[]uint64{0, 1, 1, 0}, "[[0 2]]"},
		"three":     {[]uint64{8, 0, 4, 3, 9}, "[[0 1] [3 5] [8 10]]"},
	} {
		t.Run(name, func(t *testing.T) {
			var r ranges
			for _, n := range c.add {
				r.add(n)
			}
			if got := fmt.Sprint(r); got != c.want || !r.valid() {
				t.Errorf("%s, want %s", got, c.want)
			}
			for n := range uint64(12) {
				if r.has(n) != slices.Contains(c.add, n) {
					t.Errorf("has(%d) = %v", n, r.has(n))
				}
			}
		})
	}
}
