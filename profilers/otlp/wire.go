package otlp

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of opentelemetry/proto/trace/v1/trace.proto and common/v1/common.proto.
const (
	fieldSpans = 2 // of ScopeSpans

	fieldTraceID    = 1 // of Span, as those below
	fieldSpanID     = 2
	fieldTraceState = 3
	fieldParent     = 4
	fieldName       = 5
	fieldKind       = 6
	fieldStart      = 7
	fieldEnd        = 8
	fieldAttributes = 9
	fieldEvents     = 11
	fieldStatus     = 15
	fieldFlags      = 16

	fieldEventTime       = 1 // of Event
	fieldEventName       = 2
	fieldEventAttributes = 3

	fieldKey   = 1 // of KeyValue
	fieldValue = 2

	fieldString = 1 // of AnyValue
	fieldBool   = 2
	fieldInt    = 3
	fieldDouble = 4

	fieldStatusMessage = 2 // of Status
	fieldStatusCode    = 3
)

func appendTag(b []byte, field protowire.Number, t protowire.Type) []byte {
	return protowire.AppendTag(b, field, t)
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func appendText(b []byte, field protowire.Number, v string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func appendNumber(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendTime(b []byte, field protowire.Number, ns int64) []byte {
	return binary.LittleEndian.AppendUint64(protowire.AppendTag(b, field, protowire.Fixed64Type), uint64(max(0, ns)))
}

// attrKey is a key with its own bytes made ready: the field KeyValue.key.
type attrKey []byte

func newAttribute(key string) attrKey { return appendText(nil, fieldKey, key) }

// open begins a KeyValue whose AnyValue takes so many bytes.
func (a attrKey) open(b []byte, field protowire.Number, value int) []byte {
	b = appendTag(b, field, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(a)+1+protowire.SizeBytes(value)))
	b = append(b, a...)
	b = appendTag(b, fieldValue, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(value))
}

func (a attrKey) text(b []byte, field protowire.Number, v string) []byte {
	return appendText(a.open(b, field, 1+protowire.SizeBytes(len(v))), fieldString, v)
}

func (a attrKey) integer(b []byte, field protowire.Number, v int64) []byte {
	return appendNumber(a.open(b, field, 1+protowire.SizeVarint(uint64(v))), fieldInt, uint64(v))
}

func (a attrKey) truth(b []byte, field protowire.Number, v bool) []byte {
	return appendNumber(a.open(b, field, 2), fieldBool, protowire.EncodeBool(v))
}

func (a attrKey) float(b []byte, field protowire.Number, v float64) []byte {
	b = appendTag(a.open(b, field, 9), fieldDouble, protowire.Fixed64Type)
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}
