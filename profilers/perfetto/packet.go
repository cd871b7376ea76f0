package perfetto

import (
	"math"

	"github.com/ianlancetaylor/demangle"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// msg is a protobuf message in the making.
type msg []byte

func (m msg) uint(field protowire.Number, v uint64) msg {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), v)
}

func (m msg) fixed(field protowire.Number, v uint64) msg {
	return protowire.AppendFixed64(protowire.AppendTag(m, field, protowire.Fixed64Type), v)
}

func (m msg) text(field protowire.Number, v string) msg { return append(m.head(field, len(v)), v...) }
func (m msg) msg(field protowire.Number, v msg) msg     { return append(m.head(field, len(v)), v...) }

// head is what goes before n bytes of a field.
func (m msg) head(field protowire.Number, n int) msg {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.BytesType), uint64(n))
}

// Field numbers, by message.
const (
	packetClocks, packetTimestamp, packetSequence, packetEvent          = 6, 8, 10, 11 // TracePacket
	packetInterned, packetFlags, packetTrack                            = 12, 13, 60
	eventCategory, eventAnnotation, eventType, eventName                = 3, 4, 9, 10 // TrackEvent
	eventTrack, eventCount, eventFloat, eventFlow, eventFlowsEnd        = 11, 30, 44, 47, 48
	trackUUID, trackName, trackProcess, trackThread                     = 1, 2, 3, 4 // TrackDescriptor
	trackParent, trackCounter                                           = 5, 8
	internedCategory, internedName, internedKey                         = 1, 2, 3 // InternedData
	typeBegin, typeEnd, typeInstant, typeCounter                 uint64 = 1, 2, 3, 4
	clockRealtime, clockBoottime                                 uint64 = 1, 6 // the second is what timestamps are of
	flagCleared, flagInterned                                    uint64 = 1, 2 // nothing is interned yet; what is interned is needed
)

// intern gives the number of a text in one of the lists, written into the trace when it is new.
func (s *sink) intern(list protowire.Number, text string) uint64 {
	key := internKey{list, text}
	iid := s.interned[key]
	if iid == 0 {
		iid = uint64(len(s.interned)) + 1
		s.interned[key] = iid
		s.packet(msg{}.msg(packetInterned, msg{}.msg(list, msg{}.uint(1, iid).text(2, text))), flagInterned)
	}
	return iid
}

// describe adds an event's name, category and arguments.
func (s *sink) describe(m msg, e *recording.Event) msg {
	key := internKey{internedName, e.Name.Text}
	if s.interned[key] == 0 && e.Work.Kind == trace.WorkKernel { // which has the compiler's name
		s.interned[key] = s.intern(internedName, demangle.Filter(e.Name.Text))
	}
	m = m.uint(eventName, s.intern(internedName, e.Name.Text)).uint(eventCategory, s.intern(internedCategory, e.Name.Category.String()))
	if e.Request != "" {
		m = s.annotate(m, "request_id", recording.Arg{Type: trace.TypeString, Text: e.Request})
	}
	for _, a := range e.Args {
		m = s.annotate(m, a.Key.Text, a)
	}
	if e.Open {
		m = s.annotate(m, "open", recording.Arg{Type: trace.TypeBool, Int: 1})
	}
	return m
}

func (s *sink) annotate(m msg, key string, a recording.Arg) msg {
	d := s.annotation[:0].uint(1, s.intern(internedKey, key))
	switch a.Type {
	case trace.TypeInt:
		d = d.uint(4, uint64(a.Int))
	case trace.TypeFloat:
		d = d.fixed(5, math.Float64bits(a.Float))
	case trace.TypeBool:
		d = d.uint(2, uint64(a.Int))
	default:
		d = d.text(6, a.Text)
	}
	s.annotation = d
	return m.msg(eventAnnotation, d)
}

// packet writes a TracePacket.
func (s *sink) packet(body msg, flags uint64) {
	const tracePacket, sequence = 1, 1
	s.ending = s.ending[:0].uint(packetSequence, sequence).uint(packetFlags, flags)
	s.start = s.start[:0].head(tracePacket, len(body)+len(s.ending))
	for _, part := range [...]msg{s.start, body, s.ending} {
		_, _ = s.file.Write(part) // Publish tells
	}
}
