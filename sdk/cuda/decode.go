//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// decoder turns the library's records into work of one recording. One goroutine uses it.
type decoder struct {
	rec                       *trace.Recorder
	lib                       *cupti
	version                   uint32
	clock                     *clock
	runtimeCalls, driverCalls bool   // which calls are recorded
	since                     uint64 // of the library's clock: what was over before is of another recording
	links                     *links
	requests                  *requests
	names                     *vocabulary
	kernels                   kernelCache
	at                        *uintptr  // where the library writes the next record's address; not on the stack
	records                   []uintptr // of the buffer that is read

	streams map[place]*stream
	calls   map[uint32]*stream
	devices map[uint32]uint32 // by context
	last    struct {
		place  place
		stream *stream
		thread uint32
		calls  *stream
		span   trace.SpanID // one whose request is known, and the range for which that holds
		from   uint64
		to     uint64
		text   string
	}
	parked []parked // work whose call was not seen yet
	spare  [][]trace.Arg

	counts  counts
	unknown map[uint32]uint64 // records by kinds that this version does not know
}

// counts is what came of the records.
type counts struct {
	records, stale, timeless, unknown uint64
}

// place is where work runs.
type place struct {
	device          int32
	context, stream uint32
}

// stream is a track.
type stream struct{ track *trace.WorkTrack }

// parked is work that waits for its call.
type parked struct {
	work  trace.Work
	track *trace.WorkTrack
}

// Bounds. Beyond them work is written without its span, or counted as lost.
const (
	maxParked  = 1 << 15
	maxStreams = 4096
)

func newDecoder(rec *trace.Recorder, lib *cupti, version uint32, c *clock, r *requests) *decoder {
	return &decoder{
		runtimeCalls: true, driverCalls: true,
		rec: rec, lib: lib, version: version, clock: c, links: new(links), requests: r, names: words(), at: new(uintptr),
		streams: map[place]*stream{}, calls: map[uint32]*stream{}, devices: map[uint32]uint32{}, unknown: map[uint32]uint64{},
	}
}

// buffer reads a filled buffer, twice: for which span each call belongs to, then for everything else.
func (d *decoder) buffer(at uintptr, valid int) {
	d.list(at, valid)
	d.kernels.forget() // names of kernels are the library's, and may go with their modules
	for _, p := range d.records {
		d.record(record{pointer(p)})
	}
	d.counts.records += uint64(len(d.records))
	d.release(false)
}

// list has the library go through its records, and reads those that name spans.
func (d *decoder) list(at uintptr, valid int) {
	d.records = d.records[:0]
	*d.at = 0
	next, to := d.lib.nextRecord, uintptr(unsafe.Pointer(d.at))
	for {
		if r, _, _ := purego.SyscallN(next, at, uintptr(valid), to); int32(r) != 0 {
			break // the end
		}
		p := *d.at
		if p < at || p >= at+uintptr(valid) {
			break
		}
		if r := (record{pointer(p)}); r.kind() == kindExternal {
			d.external(r)
			continue
		}
		d.records = append(d.records, p)
	}
	runtime.KeepAlive(d.at)
}

// external takes the span around a call.
func (d *decoder) external(r record) {
	d.counts.records++
	if r.u32(externalKindAt) == externalKind {
		d.links.slot(r.u32(externalCorrelation)).span = unpackSpan(r.u64(externalID))
	}
}

func (d *decoder) record(r record) {
	switch k := r.kind(); k {
	case kindKernel:
		d.kernel(r)
	case kindDriver, kindRuntime:
		d.call(r, k)
	case kindMemcpy, kindPeer:
		d.copy(r, k)
	case kindMemset:
		d.set(r)
	case kindSync:
		d.sync(r)
	case kindOverhead:
		d.overhead(r)
	case kindContext:
		d.context(r)
	case kindStream:
		d.streamFact(r)
	default:
		d.counts.unknown++
		if len(d.unknown) < kindLimit || d.unknown[k] > 0 {
			d.unknown[k]++
		}
	}
}

// times fills in when work was, or reports that it cannot be recorded.
func (d *decoder) times(w *trace.Work, start, end uint64) bool {
	if start == 0 && end == 0 {
		d.counts.timeless++
		return false
	}
	if end < d.since {
		d.counts.stale++
		return false
	}
	w.Begin, w.End = d.clock.ticks(start), d.clock.ticks(end)
	return true
}

// call records a call of the runtime or the driver.
func (d *decoder) call(r record, kind uint32) {
	correlation := r.u32(callCorrelation)
	l := d.links.slot(correlation)
	l.seen = true
	var w trace.Work
	if kind == kindRuntime && !d.runtimeCalls || kind == kindDriver && !d.driverCalls || !d.times(&w, r.u64(callStart), r.u64(callEnd)) {
		return
	}
	w.Kind, w.Name = trace.WorkDriverCall, d.names.call(d.lib, kind, r.u32(callID))
	if kind == kindRuntime {
		w.Kind = trace.WorkRuntimeCall
	}
	w.Correlation, w.External = uint64(correlation), l.span
	w.Request = d.request(l.span)
	var args [2]trace.Arg
	args[0] = trace.Int(d.names.cbid, int64(r.u32(callID)))
	w.Args = args[:1]
	if v := r.u32(callReturned); v != 0 {
		args[1] = trace.Int(d.names.returned, int64(int32(v)))
		w.Args = args[:2]
	}
	d.callTrack(r.u32(callThread)).track.Put(&w)
}

// put records device work now if its call is known, or else when it is.
func (d *decoder) put(w *trace.Work, at place) {
	track := d.stream(at)
	if l := d.links.find(uint32(w.Correlation)); l != nil {
		w.External = l.span
		w.Request = d.request(l.span)
		track.Put(w)
		return
	}
	d.park(w, track)
}

// park keeps work whose call may still come: calls and device work come in buffers of different threads.
func (d *decoder) park(w *trace.Work, track *trace.WorkTrack) {
	if len(d.parked) >= maxParked {
		d.release(true)
	}
	p := parked{*w, track}
	p.work.Args = nil
	if n := len(d.spare); n > 0 {
		p.work.Args, d.spare = d.spare[n-1][:0], d.spare[:n-1]
	}
	p.work.Args = append(p.work.Args, w.Args...)
	d.parked = append(d.parked, p)
}

// release records parked work whose call is known by now; all of it, if nothing more is to be waited for.
func (d *decoder) release(all bool) {
	still := d.parked[:0]
	for i := range d.parked {
		p := &d.parked[i]
		l := d.links.find(uint32(p.work.Correlation))
		if l == nil && !all {
			still = append(still, *p)
			continue
		}
		if l != nil {
			p.work.External = l.span
			p.work.Request = d.request(l.span)
		}
		p.track.Put(&p.work)
		d.spare = append(d.spare, p.work.Args)
	}
	d.parked = still
}

// request is the request of a span on a bound track.
func (d *decoder) request(id trace.SpanID) string {
	if id.Seq == 0 {
		return ""
	}
	if last := &d.last; last.span.Track != id.Track || id.Seq < last.from || id.Seq >= last.to {
		last.span = id
		last.text, last.from, last.to = d.requests.of(id)
		if last.to == 1<<64-1 {
			last.to = id.Seq + 1 // the next span may have another
		}
	}
	return d.last.text
}

// stream is the track of a place; nil, which records nothing, when there are too many.
func (d *decoder) stream(at place) *trace.WorkTrack {
	if d.last.stream != nil && d.last.place == at {
		return d.last.stream.track
	}
	s := d.streams[at]
	if s == nil {
		if len(d.streams) >= maxStreams {
			d.rec.LoseDevice(1)
			return nil
		}
		s = &stream{d.rec.DeviceTrack(fmt.Sprintf("GPU %d context %d stream %d", at.device, at.context, at.stream), at.device, at.context, at.stream)}
		d.streams[at] = s
		if _, known := d.devices[at.context]; !known && at.device >= 0 {
			d.devices[at.context] = uint32(at.device)
			d.rec.Fact(d.names.factContext, uint64(at.context), trace.Int(d.names.device, int64(at.device)))
		}
	}
	d.last.place, d.last.stream = at, s
	return s.track
}

func (d *decoder) callTrack(thread uint32) *stream {
	if d.last.calls != nil && d.last.thread == thread {
		return d.last.calls
	}
	s := d.calls[thread]
	if s == nil {
		s = &stream{}
		if len(d.calls) < maxStreams {
			s.track = d.rec.CallTrack(fmt.Sprintf("CUDA calls of thread %d", thread), thread)
			d.calls[thread] = s
		} else {
			d.rec.LoseDevice(1)
			return s
		}
	}
	d.last.thread, d.last.calls = thread, s
	return s
}

// deviceOf is the device of a context; -1 when it is not known.
func (d *decoder) deviceOf(context uint32) int32 {
	if n, ok := d.devices[context]; ok {
		return int32(n)
	}
	return -1
}
