package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// Names of the spans of a request in core; the engine adds queue_wait and dispatch.
var (
	spanHTTP    = trace.NameIn(trace.CategoryRequest, "http")
	spanDecode  = trace.NameIn(trace.CategoryRequest, "decode_image")
	spanEncode  = trace.NameIn(trace.CategoryRequest, "encode_image")
	spanRespond = trace.NameIn(trace.CategoryRequest, "respond")
	argRoute    = trace.Name("route")
	argStatus   = trace.Name("status")
	argBytes    = trace.Name("bytes")
)

// requestTrace is a request's timeline: a lane and the span `http` on it. Its end is safe to call twice.
type requestTrace struct {
	lane  *trace.Track
	http  trace.Span
	st    *state
	ended bool

	about   []trace.Arg // of the generation, for the end of http
	failure int         // the status that an error will have; 0: none is known

	reply      *shotReply // of a request that asked for a profile of itself; else nil
	endProfile func()     // ends the request's own profile; nil: it has none
}

// beginTrace takes a lane. The caller must call end or endWith.
func (s *Server) beginTrace(r *http.Request) *requestTrace {
	st := stateOf(r)
	t := &requestTrace{st: st}
	if s.recorder != nil {
		t.lane = s.recorder.Lane("request")
	}
	t.lane.SetRequest(st.id)
	t.begin()
	return t
}

// begin begins the span `http`. A recording that starts later does not have it: then it is begun again.
func (t *requestTrace) begin() {
	t.http.End()
	t.http = t.lane.BeginArgs(spanHTTP, t.st.trace.args([]trace.Arg{trace.Text(argRoute, t.st.route.name)})...)
	t.st.trace.announce(t.lane)
}

// end closes the timeline and gives the lane back.
func (t *requestTrace) end() {
	if t.ended {
		return
	}
	t.ended = true
	t.http.EndArgs(t.endArgs()...)
	t.lane.SetRequest("")
	if t.lane != nil {
		t.lane.Release()
	}
	if t.endProfile != nil {
		t.endProfile()
	}
}

// endWith closes the timeline of a request that is answered with err, nil for one that was answered.
func (t *requestTrace) endWith(ctx context.Context, err error) {
	if err != nil && !t.ended && t.failure == 0 {
		t.fails(ctx, err)
	}
	t.end()
}

// respond sends a whole reply inside the span `respond`. Its last byte goes out only after the request's spans have
// ended and served was called, so that a client that has its reply and then stops the profile finds the request in it, complete.
func (t *requestTrace) respond(w http.ResponseWriter, contentType string, body []byte, served func()) {
	span := t.lane.BeginArgs(spanRespond, trace.Int(argBytes, int64(len(body))))
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	last := max(0, len(body)-1)
	_, err := w.Write(body[:last])
	span.End()
	t.end()
	served()
	if err == nil {
		_, _ = w.Write(body[last:])
	}
}
