package otlp

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// place is where spans hang: a trace, and the span above them that is on another track.
type place struct {
	trace  traceID
	parent spanID // zero: none
	state  string // tracestate of the client's trace
	flags  uint8  // of the client's traceparent
	joined bool   // the trace is the client's
}

// parsePlace reads traceparent and tracestate. It is false when they name no trace.
func parsePlace(parent, state string) (place, bool) {
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": parent, "tracestate": state})
	sc := oteltrace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return place{}, false
	}
	return place{trace: traceID(sc.TraceID()), parent: spanID(sc.SpanID()), state: sc.TraceState().String(), flags: uint8(sc.TraceFlags()), joined: true}, true
}

// kept is how many places are remembered in each of two generations; the older one is forgotten when the younger is full.
// Requests end, so what is needed is young; only a recording that is read after its end, core first, needs more.
const kept = 1 << 17

// places remembers places by a key: requests by id, arrows between processes by number.
type places[K comparable] struct {
	young, old map[K]place
	lost       uint64 // forgotten
}

func (p *places[K]) put(key K, at place) {
	if p.young == nil || len(p.young) >= kept {
		p.lost += uint64(len(p.old))
		p.young, p.old = make(map[K]place, 64), p.young
	}
	p.young[key] = at
}

func (p *places[K]) get(key K) (place, bool) {
	at, ok := p.young[key]
	if !ok {
		at, ok = p.old[key]
	}
	return at, ok
}
