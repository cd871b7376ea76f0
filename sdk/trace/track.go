package trace

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// Track is one timeline of a process. One goroutine at a time writes it; a nil *Track is valid and records nothing.
//
// How a track writes while segments come and go: it keeps the epoch at which it attached to a segment. Before a record
// it compares that with the recorder's; a difference leads through room, which attaches to the current segment and
// carries the open spans there. After an end or a point is committed it compares once more: had the epoch changed in
// between, the record may have gone to scratch memory, and is written again, marked, so that a reader takes it once.
// A begin needs no second look, as an open span is carried anyway.
type Track struct {
	rec   *Recorder
	base  unsafe.Pointer // of the segment; positions are offsets, so that writing needs no write barrier
	next  int64          // where the next record goes
	stop  int64          // end of the chunk
	seq   uint64         // of the last span
	other uint64         // events that are not spans
	open  []openSpan     // as many as ever were open at once; depth says how many are
	depth int32
	epoch uint32 // of the recorder, when the track attached
	fast  bool   // the recorder's

	seg      *segmentFile
	pin      *pin
	chunk    int64  // offset of the current chunk, 0 for none
	before   uint64 // events before the current chunk
	ordinal  uint64 // of the next chunk
	recorded uint64 // the recording that the open spans belong to
	scratch  []uint64

	requests requests
	context  string // the request that the next record will be read with

	id          uint32
	name, group string
	place       [2]uint64  // device and context, stream and flags, as the definition holds them
	pool        *laneGroup // that the track came from, nil for a plain track
	lane        int        // its number in there
}

// openSpan is what it takes to end a span, here or in the next segment.
type openSpan struct {
	at    int64 // offset of its record
	begin uint64
	seq   uint64
	name  NameID
	args  []uint64 // encoded
}

// pin is a track's hold on a mapping. It is an object of its own so that the hold ends when the track is garbage.
type pin struct{ m atomic.Pointer[mapping] }

func (p *pin) drop() {
	if m := p.m.Swap(nil); m != nil {
		m.release()
	}
}

// Track makes a new track. Tracks may be thousands; one that is no longer referred to costs nothing.
func (r *Recorder) Track(name string) *Track { return r.newTrack(name, "") }

func (r *Recorder) newTrack(name, group string) *Track {
	t := &Track{
		rec: r, fast: r.fast, id: r.tracks.Add(1), pin: &pin{},
		name: segment.Cut(name, segment.MaxLabel), group: segment.Cut(group, segment.MaxLabel),
	}
	runtime.AddCleanup(t, (*pin).drop, t.pin)
	return t
}

// room makes sure that size bytes can be written in the current segment. It reports false when the recorder is off, or
// when there is no space, which it counts as a lost event.
func (t *Track) room(size int64) bool {
	for t.epoch != atomic.LoadUint32(&t.rec.epoch) {
		t.attach()
	}
	return t.seg != nil && (t.next+size <= t.stop || t.grow(size, 1))
}

// attach leaves the old segment, holds on to the current one and carries the open spans there.
func (t *Track) attach() {
	t.detach()
	r := t.rec
	r.mu.Lock()
	t.epoch = atomic.LoadUint32(&r.epoch)
	t.seg = r.seg
	if t.seg != nil {
		t.seg.m.hold()
		t.pin.m.Store(t.seg.m)
	}
	r.mu.Unlock()
	if t.seg == nil {
		t.depth = 0 // no end of theirs will be recorded
		return
	}
	t.base = t.seg.base
	t.ordinal = 0
	t.context = t.requests.current
	if t.recorded != t.seg.recorded {
		follows := t.seg.after != 0 && t.recorded == t.seg.after
		t.recorded = t.seg.recorded
		if !follows {
			t.depth = 0 // spans of an earlier recording stay there
			return
		}
	}
	t.carry()
}

// detach lets go of the segment. The next record attaches again.
func (t *Track) detach() {
	t.pin.drop()
	t.seg, t.base = nil, nil
	t.next, t.stop, t.chunk = 0, 0, 0
	t.epoch = 0
}

// carry writes the open spans into the segment that the track has just attached to, each with the request that it
// began under. A span for which there is no space is counted as lost; its end then goes nowhere.
func (t *Track) carry() {
	for i := range t.open[:t.depth] {
		o := &t.open[i]
		t.setContext(t.requests.of(o.seq))
		size := int64(segment.SpanBytes + 8*len(o.args))
		if t.next+size > t.stop && !t.grow(size, 1) {
			o.at = segment.OffNowhere
			continue
		}
		p := t.take(size)
		o.at = t.next - size
		store(p, 8, o.begin)
		store(p, 24, o.seq)
		storeWords(p, segment.SpanBytes, o.args)
		commit(p, segment.MakeHead(segment.KindSpan|segment.Again, uint8(i), int(size), uint32(o.name)))
	}
	t.setContext(t.requests.current)
}

// take returns the next size bytes, for which there is room.
func (t *Track) take(size int64) unsafe.Pointer {
	p := unsafe.Add(t.base, t.next)
	t.next += size
	return p
}

// grow takes a chunk and writes what every chunk begins with. When there is none it counts so many events as lost.
func (t *Track) grow(size int64, events uint64) bool {
	t.closeChunk()
	p, why := t.seg.chunk(t.id, t.ordinal, false)
	if p == nil {
		t.seg.count(why, events)
		return false
	}
	t.chunk = int64(uintptr(p) - uintptr(t.base))
	t.before = t.seq + t.other
	t.next = t.chunk + segment.ChunkHeader
	t.stop = t.chunk + segment.ChunkBytes
	if t.ordinal == 0 {
		t.define()
	}
	t.ordinal++
	if t.context != "" {
		t.putContext()
	}
	return t.next+size <= t.stop
}

// closeChunk notes how many events the chunk holds, which spares Stop counting them.
func (t *Track) closeChunk() {
	if t.chunk != 0 {
		commit(unsafe.Add(t.base, t.chunk+segment.OffChunkEvents), segment.Head(t.seq+t.other-t.before))
	}
	t.chunk, t.next, t.stop = 0, 0, 0
}

// define writes the track's definition.
func (t *Track) define() {
	label := t.name + t.group
	size := int64(segment.TrackBytes + pad(len(label)))
	p := t.take(size)
	store(p, 8, uint64(len(t.name))|uint64(len(t.group))<<32)
	if t.place[1] != 0 { // fresh memory is zero
		store(p, 16, t.place[0])
		store(p, 24, t.place[1])
	}
	storeText(p, segment.TrackBytes, label)
	commit(p, segment.MakeHead(segment.KindTrack, 0, int(size), 0))
}

// setContext makes the records that follow carry a request.
func (t *Track) setContext(id string) {
	if t.context == id {
		return
	}
	t.context = id
	if t.next+segment.RequestBytes+int64(pad(len(id))) > t.stop {
		t.closeChunk() // the next chunk begins with it
		return
	}
	t.putContext()
}

func (t *Track) putContext() {
	size := int64(segment.RequestBytes + pad(len(t.context)))
	p := t.take(size)
	store(p, 8, uint64(len(t.context)))
	storeText(p, segment.RequestBytes, t.context)
	commit(p, segment.MakeHead(segment.KindRequest, 0, int(size), 0))
}

// SetRequest makes every event that begins from now on carry a request id, at most 1,024 bytes of it; "" ends that.
// It also holds for recordings that start later.
func (t *Track) SetRequest(id string) {
	if t == nil {
		return
	}
	t.requests.set(segment.Cut(id, segment.MaxRequest), t.seq, t.open[:t.depth])
	if t.seg != nil && t.epoch == atomic.LoadUint32(&t.rec.epoch) {
		t.setContext(t.requests.current)
	}
}

// Request is what [Track.SetRequest] set last.
func (t *Track) Request() string {
	if t == nil {
		return ""
	}
	return t.requests.current
}
