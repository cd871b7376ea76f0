package trace

import (
	"sync/atomic"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// Ticks is a moment on the recorder's clock. What a tick is differs from machine to machine: read the clock together with
// another one to relate the two.
type Ticks uint64

// Now reads the recorder's clock.
func (r *Recorder) Now() Ticks { return Ticks(r.clock.ticks()) }

// WorkKind says what a piece of device work is. The numbers are part of the recording format.
type WorkKind uint8

// Kinds of device work, and of what surrounds it.
const (
	WorkOther       WorkKind = iota
	WorkKernel               // a kernel
	WorkCopy                 // a copy of memory
	WorkSet                  // a setting of memory
	WorkSync                 // a wait for an event, a stream or a context
	WorkGraph                // a graph that is shown as one
	WorkRuntimeCall          // a call of the device's runtime, by a thread
	WorkDriverCall           // a call of the device's driver, by a thread
	WorkOverhead             // time that profiling the device took
)

// SpanID names a span of the process: its track and its number there. The zero SpanID names none.
type SpanID struct {
	Track uint32
	Seq   uint64
}

// ID names the span for [Work].External, in this recording. It is zero when the span is not recorded, or has ended.
func (s Span) ID() SpanID {
	if s.t == nil || s.stale() {
		return SpanID{}
	}
	return SpanID{s.t.id, s.t.open[s.depth].seq}
}

// Work is something that a device, or a thread for it, did: recorded when it is over.
type Work struct {
	Name        NameID
	Kind        WorkKind
	Begin, End  Ticks
	Correlation uint64 // the same for a call and for what it launched; 0 for none
	External    SpanID // the span that enclosed the call; zero when there was none, or it is not known
	Request     string // the request that the call was made for, as in [Track.SetRequest]
	Args        []Arg
}

// WorkTrack is a timeline of work that is recorded afterwards, in any order. One goroutine at a time writes it; a nil
// *WorkTrack is valid and records nothing.
type WorkTrack struct {
	t       *Track
	request string // as the writer gave it, so that it is compared by its address first
}

// DeviceTrack makes the timeline of a device's stream. device is the device's index, context and stream are numbers that
// the device's runtime gave.
func (r *Recorder) DeviceTrack(name string, device int32, context, stream uint32) *WorkTrack {
	return r.workTrack(name, uint64(uint32(device))|uint64(context)<<32, uint64(stream)|segment.FlagDevice<<32)
}

// CallTrack makes the timeline of the calls that a thread makes to a device's runtime and driver. thread is the number
// that the operating system gave it.
func (r *Recorder) CallTrack(name string, thread uint32) *WorkTrack {
	return r.workTrack(name, 0, uint64(thread)|segment.FlagCalls<<32)
}

func (r *Recorder) workTrack(name string, place, flags uint64) *WorkTrack {
	t := r.newTrack(name, "")
	t.place = [2]uint64{place, flags}
	return &WorkTrack{t: t}
}

// Put records work. An end before its begin is taken for the begin. At most 8 KiB of arguments are kept, what is beyond is
// cut and counted.
func (d *WorkTrack) Put(w *Work) {
	if d != nil && atomic.LoadUint32(&d.t.rec.epoch)&1 != 0 {
		d.put(w)
	}
}

func (d *WorkTrack) put(w *Work) {
	t := d.t
	if w.Request != d.request {
		d.request = w.Request
		t.SetRequest(w.Request)
	}
	var cut uint64
	t.scratch, cut = encode(t.scratch[:0], w.Args, segment.MaxArgs)
	size := int64(segment.DeviceSpanBytes + 8*len(t.scratch))
	if t.next+size > t.stop || t.epoch != atomic.LoadUint32(&t.rec.epoch) {
		if !t.room(size) {
			return
		}
	}
	if cut > 0 {
		t.seg.count(segment.OffTruncated, cut)
	}
	t.seq++
	recorded := t.recorded
	t.putWork(w, size, segment.KindDeviceSpan)
	for t.epoch != atomic.LoadUint32(&t.rec.epoch) { // it may have gone to scratch memory: once more, marked
		if !t.room(size) || t.recorded != recorded {
			return
		}
		t.putWork(w, size, segment.KindDeviceSpan|segment.Again)
	}
}

// putWork writes a record, for which there is room; its arguments are in t.scratch.
func (t *Track) putWork(w *Work, size int64, kind uint8) {
	p := t.take(size)
	store(p, 8, uint64(w.Begin))
	store(p, 16, uint64(max(w.Begin, w.End)))
	store(p, 24, t.seq)
	store(p, 32, w.Correlation)
	store(p, 40, w.External.Seq)
	store(p, 48, uint64(w.External.Track)|uint64(w.Kind)<<32)
	storeWords(p, segment.DeviceSpanBytes, t.scratch)
	commit(p, segment.MakeHead(kind, 0, int(size), uint32(w.Name)))
}

// Fact records what holds for the process or for one of its devices, contexts or streams: a name for what it is, a number
// for which one it is, and what is to be said of it. A later fact of the same name and number replaces an earlier one.
// Nothing is recorded while the recorder is off.
func (r *Recorder) Fact(n NameID, id uint64, args ...Arg) {
	r.mu.Lock()
	s := r.seg
	if s != nil {
		s.m.hold()
	}
	r.mu.Unlock()
	if s == nil {
		return
	}
	defer s.m.release()
	w, cut := encode(nil, args, segment.MaxArgs)
	if !s.meta.fact(n, id, w) {
		cut = uint64(len(args))
	}
	if cut > 0 {
		s.count(segment.OffTruncated, cut)
	}
}

// LoseDevice counts events of a device that its profiling library, or the caller, dropped.
func (r *Recorder) LoseDevice(n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seg != nil && n > 0 {
		r.seg.count(segment.OffDevice, n)
	}
}
