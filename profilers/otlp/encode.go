package otlp

import (
	"encoding/binary"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Values of Span.kind, Status.code and the bits of Span.flags above the client's.
const (
	kindInternal = 1
	kindServer   = 2

	statusError = 2

	flagSampled     = 1
	flagRemoteKnown = 1 << 8
	flagRemote      = 1 << 9
)

// aroundRequest tells whether e is core's span around a request.
func aroundRequest(p *process, e *recording.Event, n *name) bool {
	return p.recorded.Kind == trace.ProcessCore && n.recorded.Category == trace.CategoryRequest && n.recorded.Text == nameRequest
}

// appendSpan adds the bytes of a Span.
func (s *sink) appendSpan(b []byte, p *process, t *track, e *recording.Event, n *name) []byte {
	at := s.whereabouts(p, t, e.Request)
	id := spanOf(t.seed, e.Seq)
	parent, remote := s.above(p, t, e, at)
	b = appendBytes(b, fieldTraceID, at.trace[:])
	b = appendBytes(b, fieldSpanID, id[:])
	if at.state != "" {
		b = appendText(b, fieldTraceState, at.state)
	}
	if parent != (spanID{}) {
		b = appendBytes(b, fieldParent, parent[:])
	}
	request := aroundRequest(p, e, n)
	kind := uint64(kindInternal)
	if request {
		b, kind = append(b, p.span...), kindServer
	} else {
		b = append(b, n.span...)
	}
	b = appendNumber(b, fieldKind, kind)
	b = appendTime(b, fieldStart, e.Start)
	b = appendTime(b, fieldEnd, max(e.Start, e.End))
	if e.Request != "" {
		b = attrRequest.text(b, fieldAttributes, e.Request)
	}
	if r := t.recorded; r.Device {
		b = attrDevice.integer(b, fieldAttributes, int64(r.DeviceID))
		b = attrStream.integer(b, fieldAttributes, int64(r.StreamID))
	}
	if e.Open {
		b = attrOpen.truth(b, fieldAttributes, true)
	}
	if request {
		b = attrSpan.text(b, fieldAttributes, nameRequest)
		b = p.requestArgs(s.names, b, e.Args)
	} else {
		b = s.names.spanArgs(b, e.Args, t.flops)
	}
	t.take(e.Seq, func(event []byte) { b = appendBytes(b, fieldEvents, event) })
	flags := uint32(flagSampled)
	if at.joined {
		flags = uint32(at.flags)
	}
	flags |= flagRemoteKnown
	if remote {
		flags |= flagRemote
	}
	return binary.LittleEndian.AppendUint32(appendTag(b, fieldFlags, protowire.Fixed32Type), flags)
}

// requestArgs adds the arguments of the span around a request, and its failure.
func (p *process) requestArgs(names nameCache, b []byte, args []recording.Arg) []byte {
	b = names.requestArgs(b, p.model, args)
	if status := names.failure(args); status != 0 {
		b = attrErrorType.text(b, fieldAttributes, strconv.FormatInt(status, 10))
		b = appendBytes(b, fieldStatus, appendNumber(nil, fieldStatusCode, statusError))
	}
	return b
}

// appendInstant adds the bytes of a Span.Event.
func (c nameCache) appendInstant(b []byte, e *recording.Event) []byte {
	b = appendTime(b, fieldEventTime, e.Start)
	b = appendText(b, fieldEventName, e.Name.Text)
	for i := range e.Args {
		b = appendArg(b, fieldEventAttributes, c.get(e.Args[i].Key).key, &e.Args[i])
	}
	return b
}
