package segment

// Head is the first word of a record: kind, depth (or category), size in words, name. A zero head is not yet committed.
type Head uint64

// MakeHead packs a head; bytes is the size of the whole record, a multiple of 8.
func MakeHead(kind, depth uint8, bytes int, name uint32) Head {
	return Head(kind) | Head(depth)<<8 | Head(uint16(bytes>>3))<<16 | Head(name)<<32
}

// Kind is the record's kind without the mark [Again].
func (h Head) Kind() uint8 { return uint8(h) &^ Again }

// Again tells whether the record may repeat one of the segment before.
func (h Head) Again() bool { return h&Again != 0 }

// Depth is how many spans enclose an event; in a name definition it is the category.
func (h Head) Depth() uint8 { return uint8(h >> 8) }

// Bytes is the size of the whole record.
func (h Head) Bytes() int { return int(uint16(h>>16)) << 3 }

// Name is the interned name's id.
func (h Head) Name() uint32 { return uint32(h >> 32) }

// Fixed is the size of a kind's fixed part, 0 for a kind that this version does not know.
func Fixed(kind uint8) int {
	if int(kind) < len(fixed) {
		return fixed[kind]
	}
	return 0
}

var fixed = [...]int{
	KindSpan: SpanBytes, KindInstant: InstantBytes, KindCount: CountBytes, KindCountFloat: CountBytes,
	KindFlowOut: FlowBytes, KindFlowIn: FlowBytes, KindEndArgs: EndArgsBytes, KindRequest: RequestBytes,
	KindTrack: TrackBytes, KindName: NameBytes, KindPair: PairBytes, KindDeviceSpan: DeviceSpanBytes,
	KindFact: FactBytes,
}

// Counted tells whether a record of this head counts as an event of its own.
func (h Head) Counted() bool {
	switch h.Kind() {
	case KindSpan, KindInstant, KindCount, KindCountFloat, KindFlowOut, KindFlowIn, KindDeviceSpan:
		return !h.Again()
	}
	return false
}
