package otlp

import (
	"context"
	"sync/atomic"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// reply is what a receiver said to an upload.
type reply struct {
	rejected int64  // spans of a partial success
	message  string // with it
	// unanswered: at least one attempt went out and nobody said what became of it, so that the receiver may have the spans
	// although they are sent again. OTLP wants them sent again: twice is better than never. A receiver that says
	// DEADLINE_EXCEEDED, perhaps as the client's deadline came to it, does not know either.
	unanswered bool
}

type (
	replyKey   struct{}
	attemptKey struct{}
)

// attempt is one of an upload's.
type attempt struct{ written, answered atomic.Bool }

// seeReply keeps what the client makes a text of.
func seeReply(ctx context.Context, method string, request, response any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, o ...grpc.CallOption) error {
	var a attempt
	err := invoke(context.WithValue(ctx, attemptKey{}, &a), method, request, response, cc, o...)
	r, ok := ctx.Value(replyKey{}).(*reply)
	if !ok {
		return err
	}
	if err != nil {
		r.unanswered = r.unanswered || a.written.Load() && (!a.answered.Load() || status.Code(err) == codes.DeadlineExceeded)
		return err
	}
	if m, ok := response.(*collectorpb.ExportTraceServiceResponse); ok {
		r.rejected, r.message = m.GetPartialSuccess().GetRejectedSpans(), m.GetPartialSuccess().GetErrorMessage()
	}
	return nil
}

// wireEvents tells attempts how far they got.
type wireEvents struct{}

func (wireEvents) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (wireEvents) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (wireEvents) HandleConn(context.Context, stats.ConnStats)                       {}

func (wireEvents) HandleRPC(ctx context.Context, s stats.RPCStats) {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok {
		return
	}
	switch s.(type) {
	case *stats.OutPayload:
		a.written.Store(true)
	case *stats.InTrailer:
		a.answered.Store(true)
	}
}
