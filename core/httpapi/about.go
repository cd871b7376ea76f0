package httpapi

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// What the span `http` says of a request beside its route and status.
var (
	markTraceparent = trace.NameIn(trace.CategoryRequest, "traceparent")
	argSeed         = trace.Name("seed")
	argCount        = trace.Name("n")
)

// announce records the caller's trace at once, beside the span `http`, whose arguments a reader sees only when it has ended: an
// exporter that follows the recording puts what ranks do for the request into that trace meanwhile.
func (t traceContext) announce(lane *trace.Track) {
	if t.parent != "" {
		lane.Instant(markTraceparent, t.args(nil)...)
	}
}

// asks keeps what is said of a generation when the request's span ends.
func (t *requestTrace) asks(g *generation) {
	seed := trace.Int(argSeed, int64(g.Seed))
	if g.Seed > math.MaxInt64 {
		seed = trace.String(argSeed, strconv.FormatUint(g.Seed, 10))
	}
	t.about = append(t.about, seed, trace.Int(argCount, int64(max(g.Count, 1))))
}

// fails keeps the status of the error that a generation is about to be answered with.
func (t *requestTrace) fails(ctx context.Context, err error) {
	var own *apiError
	row := domainRow(err)
	switch {
	case errors.As(err, &own):
		t.failure = own.status()
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		t.failure = statusClientClosed
	case row != nil:
		t.failure = row.status
	default:
		t.failure = http.StatusInternalServerError
	}
}

// endArgs is what is known of the request at its end.
func (t *requestTrace) endArgs() []trace.Arg {
	status := t.st.status
	if status == 0 { // an error that is still to be written
		status = t.failure
	}
	if status == 0 {
		return t.about
	}
	return append(t.about, trace.Int(argStatus, int64(status)))
}
