package otlp

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// different counts spans by id: what was not answered may well come twice.
func different(spans []received) int {
	seen := map[string]bool{}
	for _, s := range spans {
		seen[string(s.SpanId)] = true
	}
	return len(seen)
}

// TestUnanswered has the first upload fail in several ways, and checks that spans which may be there twice are told of, and no others.
func TestUnanswered(t *testing.T) {
	for name, c := range map[string]struct {
		fail   func(context.Context) error
		unsure bool
	}{
		"no answer in time": {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, true},
		"unavailable":       {func(context.Context) error { return status.Error(codes.Unavailable, "full") }, false},
		"says it timed out": {func(context.Context) error {
			return status.Error(codes.DeadlineExceeded, "the next one did not answer")
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := record(t)
			requests(f, 2, 5)
			f.stop(t)
			r := newReceiver(t)
			var uploads atomic.Int32
			r.answer = func(ctx context.Context, _ *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
				if uploads.Add(1) == 1 {
					return nil, c.fail(ctx)
				}
				return &collectorpb.ExportTraceServiceResponse{}, nil
			}
			config := to(r.address)
			config.Timeout, config.Patience = 10*time.Second, 20*time.Second
			if name == "no answer in time" {
				config.Timeout = 500 * time.Millisecond
			}
			o := f.export(t, config, f.profile(t, "p"))
			said := len(o.warnings) == 1 && strings.Contains(o.warnings[0], "more than once")
			if u := o.report.Unanswered; o.err != nil || o.report.Spans.Sent != 38 || (u > 0) != c.unsure || said != c.unsure || u > 38 {
				t.Errorf("%v, %+v, %q", o.err, o.report, o.warnings)
			}
			if n := different(r.all()); n != 38 {
				t.Errorf("%d spans arrived", n)
			}
		})
	}
}

// TestSlowReceiver sends to one that never answers a large upload in time: smaller ones get through.
func TestSlowReceiver(t *testing.T) {
	t.Parallel()
	f := record(t)
	requests(f, 10, 30)
	f.stop(t)
	r := newReceiver(t)
	r.answer = func(ctx context.Context, m *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
		if proto.Size(m) > leastWhenSlow {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return &collectorpb.ExportTraceServiceResponse{}, nil
	}
	config := to(r.address)
	config.MaxRequest, config.Timeout, config.Patience = 2*leastWhenSlow, 500*time.Millisecond, 20*time.Second
	o := f.export(t, config, f.profile(t, "p"))
	if o.err != nil || o.report.Spans.Undelivered > 0 || o.report.Unanswered == 0 {
		t.Errorf("%v, %+v", o.err, o.report)
	}
	if n := different(r.all()); n != 940 {
		t.Errorf("%d spans arrived", n)
	}
}
