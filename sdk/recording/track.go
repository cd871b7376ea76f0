package recording

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// track turns the records of one track into events in the order of their ends.
//
// A span is begun before the spans within it and ended after them, and its end is stored in place. So the reader keeps
// a stack of spans whose end it has not delivered. In each round it reads the ends of the spans on the stack first and new
// records afterwards: what was recorded before an end that it saw is then among those records, and the span can be
// delivered as soon as everything readable is read. A later record that is not within the span delivers it at once.
type track struct {
	proc    *process
	pub     *Track
	at      cursor
	stack   []span
	request string // of the records that come
	before  string // the request before, to share its memory
	lastSeq uint64
	point   pointMark
	named   bool
}

// pointMark tells a point from its repetition in the next segment.
type pointMark struct {
	ticks uint64
	head  segment.Head
}

func (t *track) chunkBegins() {
	if t.request != "" {
		t.before, t.request = t.request, ""
	}
}

// record takes one record.
func (t *track) record(rec, rest []byte, off int64) bool {
	le := binary.LittleEndian
	h := segment.Head(le.Uint64(rec))
	switch h.Kind() {
	case segment.KindSpan:
		if le.Uint64(rec[8:]) > t.proc.limit {
			return false
		}
		t.begin(h, rec, rest, off)
	case segment.KindInstant, segment.KindCount, segment.KindCountFloat, segment.KindFlowOut, segment.KindFlowIn:
		if le.Uint64(rec[8:]) > t.proc.limit {
			return false
		}
		t.put(h, rec)
	case segment.KindDeviceSpan:
		return t.work(h, rec)
	case segment.KindEndArgs:
		t.endArgs(le.Uint64(rec[8:]), rec[segment.EndArgsBytes:])
	case segment.KindRequest:
		t.setRequest(rec)
	case segment.KindTrack:
		t.define(rec)
	default:
		t.proc.pass(h)
	}
	return true
}

// begin takes a span's record.
func (t *track) begin(h segment.Head, rec, rest []byte, off int64) {
	le := binary.LittleEndian
	p := t.proc
	begin, end, seq := le.Uint64(rec[8:]), le.Uint64(rec[16:]), le.Uint64(rec[24:])
	if end > p.limit {
		end = 0
	}
	if h.Again() && t.carried(seq, end, rec, off) {
		return
	}
	if seq <= t.lastSeq {
		p.corrupt++
		return
	}
	t.pop(h.Depth(), begin)
	t.lastSeq = seq
	args := rec[segment.SpanBytes:]
	kept := t.wants(segment.KindSpan, h.Name(), h.Depth(), t.request)
	if end != 0 && outside(rest, h.Depth()) {
		t.deliver(&span{seq: seq, begin: begin, end: end, name: h.Name(), depth: h.Depth(), request: t.request, kept: kept}, args, false)
		return
	}
	sp := t.push(len(args))
	if sp == nil {
		p.corrupt++
		return
	}
	*sp = span{
		seq: seq, begin: begin, end: end, at: off, name: h.Name(), depth: h.Depth(),
		request: t.request, args: append(sp.args[:0], args...), taken: sp.taken, kept: kept,
	}
}

// outside tells whether the next record is there and not within a span of the given depth: nothing more can be in it.
func outside(rest []byte, depth uint8) bool {
	if len(rest) < 8 {
		return false
	}
	h := segment.Head(binary.LittleEndian.Uint64(rest))
	switch h.Kind() {
	case segment.KindSpan, segment.KindInstant, segment.KindCount, segment.KindCountFloat, segment.KindFlowOut, segment.KindFlowIn:
		return h.Depth() <= depth
	}
	return false
}

// deliver makes an event of a span that is off the stack.
func (t *track) deliver(sp *span, args []byte, open bool) {
	p := t.proc
	if sp.end < sp.begin {
		p.corrupt++
		return
	}
	end := p.clock.unix(sp.end)
	if end < p.follow.options.Since && !open {
		return
	}
	p.latest = max(p.latest, sp.begin)
	if !open {
		p.latest = max(p.latest, sp.end)
	}
	start := p.clock.unix(sp.begin)
	if !sp.kept || !open && end-start < int64(p.follow.filter.MinDuration) {
		p.filtered++
		return
	}
	e := p.out.next(len(args))
	depth, parent := t.place(sp.depth)
	*e = Event{
		Kind: Span, Open: open, Depth: depth, Track: t.pub, Name: p.name(sp.name), Start: start, End: end,
		Seq: sp.seq, Parent: parent, Request: sp.request,
	}
	t.decode(e, args)
	p.events++
	if open {
		p.open++
	}
}

func (t *track) decode(e *Event, raw []byte) {
	if len(raw) == 0 {
		return
	}
	var ok bool
	if e.Args, ok = t.proc.out.decode(t.proc, raw); !ok {
		t.proc.corrupt++
	}
}

// parent is the span that encloses what has the given depth.
func (t *track) parent(depth uint8) uint64 {
	if sp := t.around(depth); sp != nil {
		return sp.seq
	}
	return 0
}

// put takes an instant, a counter or a flow.
func (t *track) put(h segment.Head, rec []byte) {
	le := binary.LittleEndian
	p := t.proc
	ticks := le.Uint64(rec[8:])
	mark := pointMark{ticks, segment.MakeHead(h.Kind(), 0, h.Bytes(), h.Name())}
	if h.Again() && mark == t.point {
		return
	}
	t.point = mark
	t.pop(h.Depth(), ticks)
	start := p.clock.unix(ticks)
	if start < p.follow.options.Since {
		return
	}
	p.latest = max(p.latest, ticks)
	if !t.wants(h.Kind(), h.Name(), h.Depth(), t.request) {
		p.filtered++
		return
	}
	var raw []byte
	if h.Kind() == segment.KindInstant {
		raw = rec[segment.InstantBytes:]
	}
	e := p.out.next(len(raw))
	depth, parent := t.place(h.Depth())
	*e = Event{Kind: Instant, Depth: depth, Track: t.pub, Name: p.name(h.Name()), Start: start, Parent: parent, Request: t.request}
	switch h.Kind() {
	case segment.KindInstant:
		t.decode(e, raw)
	case segment.KindCount:
		e.Kind, e.Value = Counter, float64(int64(le.Uint64(rec[16:])))
	case segment.KindCountFloat:
		e.Kind, e.Float, e.Value = Counter, true, math.Float64frombits(le.Uint64(rec[16:]))
	case segment.KindFlowOut:
		e.Kind, e.Flow = FlowOut, le.Uint64(rec[16:])
	case segment.KindFlowIn:
		e.Kind, e.Flow = FlowIn, le.Uint64(rec[16:])
	}
	p.events++
}

// endArgs adds arguments to a span that is about to end.
func (t *track) endArgs(seq uint64, args []byte) {
	for i := len(t.stack) - 1; i >= 0; i-- {
		sp := &t.stack[i]
		if sp.seq == seq {
			if n := len(sp.args) + len(args); n <= segment.MaxArgs && t.keep(sp, n) {
				sp.args = append(sp.args, args...)
			} else {
				t.proc.corrupt++
			}
			return
		}
	}
	t.proc.corrupt++
}

func (t *track) setRequest(rec []byte) {
	n := binary.LittleEndian.Uint64(rec[8:])
	text := rec[segment.RequestBytes:]
	if n > uint64(len(text)) || n > segment.MaxRequest {
		t.proc.corrupt++
		return
	}
	if b := text[:n]; string(b) == t.before {
		t.request, t.before = t.before, t.request
	} else if string(b) != t.request {
		t.before, t.request = t.request, strings.ToValidUTF8(string(b), "\uFFFD")
	}
}

// define takes the track's definition. The first one holds: events may have been delivered with it.
func (t *track) define(rec []byte) {
	le := binary.LittleEndian
	lengths := le.Uint64(rec[8:])
	name, group := uint64(uint32(lengths)), lengths>>32
	text := rec[segment.TrackBytes:]
	if name+group > uint64(len(text)) {
		t.proc.corrupt++
		return
	}
	if t.named {
		return
	}
	t.named = true
	d := le.Uint64(rec[16:])
	s := le.Uint64(rec[24:])
	t.pub.Name = strings.ToValidUTF8(string(text[:name]), "\uFFFD")
	t.pub.Group = strings.ToValidUTF8(string(text[name:name+group]), "\uFFFD")
	switch flags := s >> 32; {
	case flags&segment.FlagDevice != 0:
		t.pub.Device = true
		t.pub.DeviceID, t.pub.ContextID, t.pub.StreamID = int(int32(uint32(d))), uint32(d>>32), uint32(s)
	case flags&segment.FlagCalls != 0:
		t.pub.Calls, t.pub.ThreadID = true, uint32(s)
	}
}
