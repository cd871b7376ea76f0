package trace

import (
	"math"
	"sync/atomic"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// Instant records that something happened now.
func (t *Track) Instant(n NameID, args ...Arg) {
	if t != nil && atomic.LoadUint32(&t.rec.epoch)&1 != 0 {
		t.instant(n, args)
	}
}

// Count records the value of a counter now.
func (t *Track) Count(n NameID, v int64) {
	if t != nil && atomic.LoadUint32(&t.rec.epoch)&1 != 0 {
		t.point(segment.KindCount, n, uint64(v))
	}
}

// CountFloat records the value of a counter now. NaN and infinities are kept.
func (t *Track) CountFloat(n NameID, v float64) {
	if t != nil && atomic.LoadUint32(&t.rec.epoch)&1 != 0 {
		t.countFloat(n, v)
	}
}

// FlowOut records that an arrow leaves the innermost open span. id ties it to its FlowIn, in whatever process that is.
func (t *Track) FlowOut(id uint64) {
	if t != nil && atomic.LoadUint32(&t.rec.epoch)&1 != 0 {
		t.point(segment.KindFlowOut, 0, id)
	}
}

// FlowIn records that an arrow arrives in the innermost open span.
func (t *Track) FlowIn(id uint64) {
	if t != nil && atomic.LoadUint32(&t.rec.epoch)&1 != 0 {
		t.point(segment.KindFlowIn, 0, id)
	}
}

//go:noinline
func (t *Track) countFloat(n NameID, v float64) {
	t.point(segment.KindCountFloat, n, math.Float64bits(v))
}

//go:noinline
func (t *Track) point(kind uint8, n NameID, payload uint64) {
	if t.next+segment.CountBytes > t.stop || t.epoch != atomic.LoadUint32(&t.rec.epoch) {
		if !t.room(segment.CountBytes) {
			return
		}
	}
	p := t.take(segment.CountBytes)
	t.other++
	store(p, 16, payload)
	h := segment.MakeHead(kind, uint8(t.depth), segment.CountBytes, uint32(n))
	var now uint64
	if t.fast {
		now = stampBegin(p, uint64(h))
	} else {
		now = t.commitByClock(p, h)
	}
	if t.epoch != atomic.LoadUint32(&t.rec.epoch) {
		t.again(now, segment.MakeHead(kind, 0, segment.CountBytes, uint32(n)), []uint64{payload})
	}
}

//go:noinline
func (t *Track) instant(n NameID, args []Arg) {
	size := int64(segment.InstantBytes)
	if len(args) > 0 || t.next+size > t.stop || t.epoch != atomic.LoadUint32(&t.rec.epoch) {
		t.instantSlow(n, args)
		return
	}
	p := t.take(size)
	t.other++
	h := segment.MakeHead(segment.KindInstant, uint8(t.depth), int(size), uint32(n))
	var now uint64
	if t.fast {
		now = stampBegin(p, uint64(h))
	} else {
		now = t.commitByClock(p, h)
	}
	if t.epoch != atomic.LoadUint32(&t.rec.epoch) {
		t.again(now, segment.MakeHead(segment.KindInstant, 0, int(size), uint32(n)), nil)
	}
}

// instantSlow is for arguments, and for when something is to be prepared.
func (t *Track) instantSlow(n NameID, args []Arg) {
	var cut uint64
	t.scratch, cut = encode(t.scratch[:0], args, segment.MaxArgs)
	w := t.scratch
	size := int64(segment.InstantBytes + 8*len(w))
	if !t.room(size) {
		return
	}
	if cut > 0 {
		t.seg.count(segment.OffTruncated, cut)
	}
	p := t.take(size)
	t.other++
	storeWords(p, segment.InstantBytes, w)
	now := t.commitNow(p, segment.MakeHead(segment.KindInstant, uint8(t.depth), int(size), uint32(n)))
	if t.epoch != atomic.LoadUint32(&t.rec.epoch) {
		t.again(now, segment.MakeHead(segment.KindInstant, 0, int(size), uint32(n)), w)
	}
}

// again writes a point of the past into the segment that has replaced the one it may have missed. It is marked, for it
// may be in both. After a stop there is nothing to make up for.
//
//go:noinline
func (t *Track) again(ticks uint64, h segment.Head, rest []uint64) {
	recorded := t.recorded
	for t.epoch != atomic.LoadUint32(&t.rec.epoch) {
		if !t.room(int64(h.Bytes())) || t.recorded != recorded {
			return
		}
		p := t.take(int64(h.Bytes()))
		store(p, 8, ticks)
		storeWords(p, 16, rest)
		commit(p, segment.MakeHead(h.Kind()|segment.Again, uint8(t.depth), h.Bytes(), h.Name()))
	}
}
