package otlp

import (
	"context"
	"net"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// receiver is an OTLP receiver that keeps what it gets.
type receiver struct {
	collectorpb.UnimplementedTraceServiceServer
	address string
	server  *grpc.Server

	mu      sync.Mutex
	spans   []received
	headers metadata.MD // of the last upload
	largest int
	// answer decides an upload's fate before it is kept; nil: it is taken.
	answer func(context.Context, *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error)
}

// received is a span and whose it is.
type received struct {
	*tracepb.Span
	resource *resourcepb.Resource
}

func newReceiver(t testing.TB, options ...grpc.ServerOption) *receiver {
	t.Helper()
	return newReceiverAt(t, "127.0.0.1:0", options...)
}

func newReceiverAt(t testing.TB, address string, options ...grpc.ServerOption) *receiver {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{address: l.Addr().String(), server: grpc.NewServer(options...)}
	collectorpb.RegisterTraceServiceServer(r.server, r)
	go r.server.Serve(l)
	t.Cleanup(r.server.Stop)
	return r
}

func (r *receiver) Export(ctx context.Context, m *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	reply := &collectorpb.ExportTraceServiceResponse{}
	r.mu.Lock()
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		var err error
		if reply, err = answer(ctx, m); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.headers, _ = metadata.FromIncomingContext(ctx)
	r.largest = max(r.largest, proto.Size(m))
	for _, rs := range m.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				r.spans = append(r.spans, received{s, rs.Resource})
			}
		}
	}
	return reply, nil
}

// all are the spans so far.
func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.spans...)
}

// value is an attribute's value, nil when there is none.
func value(list []*commonpb.KeyValue, key string) any {
	for _, kv := range list {
		if kv.Key != key {
			continue
		}
		switch v := kv.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			return v.StringValue
		case *commonpb.AnyValue_IntValue:
			return v.IntValue
		case *commonpb.AnyValue_BoolValue:
			return v.BoolValue
		case *commonpb.AnyValue_DoubleValue:
			return v.DoubleValue
		}
	}
	return nil
}
