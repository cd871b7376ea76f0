package trace

import (
	"sync/atomic"
	"unsafe"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// Span is a span that was begun: a small value, to be ended once, by the goroutine that writes the track. The zero Span
// is valid and does nothing. Ending a span ends the spans within it that are still open; ending it again does nothing.
type Span struct {
	t     *Track
	depth int32
	seq   uint32 // low half of the span's sequence number
}

// Begin begins a span within the track's innermost open span.
func (t *Track) Begin(n NameID) (s Span) {
	if t != nil && atomic.LoadUint32(&t.rec.epoch)&1 != 0 {
		s = t.begin(n)
	}
	return
}

// BeginArgs begins a span with arguments: at most 8 KiB of them, what is beyond is cut and counted.
func (t *Track) BeginArgs(n NameID, args ...Arg) (s Span) {
	if t != nil && atomic.LoadUint32(&t.rec.epoch)&1 != 0 {
		s = t.beginArgs(n, args)
	}
	return
}

// End ends the span now.
func (s Span) End() {
	if s.t != nil {
		s.end()
	}
}

// EndArgs adds arguments that are known only now, and ends the span.
func (s Span) EndArgs(args ...Arg) {
	if s.t != nil {
		s.endArgs(args)
	}
}

//go:noinline
func (t *Track) begin(n NameID) Span {
	if t.next+segment.SpanBytes > t.stop || t.epoch != atomic.LoadUint32(&t.rec.epoch) || int(t.depth) >= len(t.open) {
		if !t.beginRoom(segment.SpanBytes) {
			return Span{}
		}
	}
	at := t.next
	p := unsafe.Add(t.base, at)
	t.next = at + segment.SpanBytes
	t.seq++
	d := t.depth
	o := &t.open[d]
	o.at, o.seq, o.name = at, t.seq, n
	o.args = o.args[:0]
	store(p, 24, t.seq)
	h := segment.MakeHead(segment.KindSpan, uint8(d), segment.SpanBytes, uint32(n))
	if t.fast { // by hand: the compiler does not inline a choice of two calls
		o.begin = stampBegin(p, uint64(h))
	} else {
		o.begin = t.commitByClock(p, h)
	}
	t.depth = d + 1
	return Span{t, d, uint32(t.seq)}
}

//go:noinline
func (t *Track) beginArgs(n NameID, args []Arg) Span {
	size := int64(segment.SpanBytes + segment.ArgBytes*len(args))
	d := t.depth
	if t.next+size > t.stop || t.epoch != atomic.LoadUint32(&t.rec.epoch) || int(d) >= len(t.open) ||
		cap(t.open[d].args) < 2*len(args) || !plain(args) {
		return t.beginArgsSlow(n, args)
	}
	at := t.next
	p := unsafe.Add(t.base, at)
	t.next = at + size
	t.seq++
	o := &t.open[d]
	o.at, o.seq, o.name = at, t.seq, n
	o.args = o.args[:2*len(args)]
	store(p, 24, t.seq)
	for i := range args {
		a, w := &args[i], o.args[2*i:2*i+2]
		w[0], w[1] = a.word, a.bits
		store(p, segment.SpanBytes+segment.ArgBytes*i, a.word)
		store(p, segment.SpanBytes+segment.ArgBytes*i+8, a.bits)
	}
	h := segment.MakeHead(segment.KindSpan, uint8(d), int(size), uint32(n))
	if t.fast { // by hand: the compiler does not inline a choice of two calls
		o.begin = stampBegin(p, uint64(h))
	} else {
		o.begin = t.commitByClock(p, h)
	}
	t.depth = d + 1
	return Span{t, d, uint32(t.seq)}
}

// beginArgsSlow is for texts, and for when something is to be prepared.
func (t *Track) beginArgsSlow(n NameID, args []Arg) Span {
	var cut uint64
	t.scratch, cut = encode(t.scratch[:0], args, segment.MaxArgs)
	w := t.scratch
	size := int64(segment.SpanBytes + 8*len(w))
	if !t.beginRoom(size) {
		return Span{}
	}
	if cut > 0 {
		t.seg.count(segment.OffTruncated, cut)
	}
	d := t.depth
	o := &t.open[d]
	p := t.take(size)
	t.seq++
	o.at, o.seq, o.name = t.next-size, t.seq, n
	o.args = append(o.args[:0], w...)
	store(p, 24, t.seq)
	storeWords(p, segment.SpanBytes, w)
	o.begin = t.commitNow(p, segment.MakeHead(segment.KindSpan, uint8(d), int(size), uint32(n)))
	t.depth = d + 1
	return Span{t, d, uint32(t.seq)}
}

// beginRoom is room for a span, on the stack of open spans too.
func (t *Track) beginRoom(size int64) bool {
	if !t.room(size) {
		return false
	}
	if int(t.depth) < len(t.open) {
		return true
	}
	if len(t.open) >= segment.MaxDepth {
		t.seg.count(segment.OffDepth, 1)
		return false
	}
	more := make([]openSpan, min(max(8, 2*len(t.open)), segment.MaxDepth))
	copy(more, t.open)
	t.open = more
	return true
}

//go:noinline
func (s Span) end() {
	t := s.t
	if s.depth+1 != t.depth || t.epoch != atomic.LoadUint32(&t.rec.epoch) {
		s.endSlow()
		return
	}
	o := &t.open[s.depth]
	if uint32(o.seq) != s.seq {
		return
	}
	if p := unsafe.Add(t.base, o.at); t.fast {
		stampEnd(p)
	} else {
		t.endByClock(p)
	}
	if t.epoch != atomic.LoadUint32(&t.rec.epoch) {
		s.endSlow() // the end may have gone to scratch memory: carry the span and end it there
		return
	}
	t.depth = s.depth
}

// stale reports that the span is not open any more.
func (s Span) stale() bool {
	return s.depth >= s.t.depth || uint32(s.t.open[s.depth].seq) != s.seq
}

// endSlow ends the span in the current segment, whatever has happened since its begin, and all spans within it.
func (s Span) endSlow() {
	t := s.t
	for !s.stale() {
		if t.epoch != atomic.LoadUint32(&t.rec.epoch) {
			if !t.attached() {
				break
			}
			continue // an earlier recording's span has become stale
		}
		if t.seg == nil {
			break
		}
		for i := t.depth - 1; i >= s.depth; i-- {
			t.endNow(unsafe.Add(t.base, t.open[i].at))
		}
		if t.epoch == atomic.LoadUint32(&t.rec.epoch) {
			break
		}
	}
	if !s.stale() {
		t.depth = s.depth
	}
}

// attached brings the track to the current epoch and reports whether the recorder is on.
func (t *Track) attached() bool {
	for t.epoch != atomic.LoadUint32(&t.rec.epoch) {
		t.attach()
	}
	return t.seg != nil
}

//go:noinline
func (s Span) endArgs(args []Arg) {
	t := s.t
	if s.stale() || !t.attached() || s.stale() {
		s.endSlow()
		return
	}
	o := &t.open[s.depth]
	w, cut := encode(t.scratch[:0], args, segment.MaxArgs-8*len(o.args))
	t.scratch = w
	size := int64(segment.EndArgsBytes + 8*len(w))
	if t.next+size > t.stop && !t.grow(size, 0) {
		t.seg.count(segment.OffTruncated, uint64(len(args)))
		s.end()
		return
	}
	if cut > 0 {
		t.seg.count(segment.OffTruncated, cut)
	}
	o.args = append(o.args, w...)
	p := t.take(size)
	store(p, 8, o.seq)
	storeWords(p, segment.EndArgsBytes, w)
	commit(p, segment.MakeHead(segment.KindEndArgs, uint8(s.depth), int(size), 0))
	s.end()
}

// commitNow reads the clock into p's second word, commits head as its first, and returns the ticks.
func (t *Track) commitNow(p unsafe.Pointer, h segment.Head) uint64 {
	if t.fast {
		return stampBegin(p, uint64(h))
	}
	return t.commitByClock(p, h)
}

func (t *Track) commitByClock(p unsafe.Pointer, h segment.Head) uint64 {
	now := t.rec.clock.ticks()
	store(p, 8, now)
	commit(p, h)
	return now
}

// endNow reads the clock into the third word of a span.
func (t *Track) endNow(p unsafe.Pointer) {
	if t.fast {
		stampEnd(p)
		return
	}
	t.endByClock(p)
}

func (t *Track) endByClock(p unsafe.Pointer) {
	atomic.StoreUint64((*uint64)(unsafe.Add(p, 16)), t.rec.clock.ticks())
}
