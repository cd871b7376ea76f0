package chrome

import (
	"fmt"
	"strconv"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

const (
	// deviceSort puts devices below the processes, as Kineto does.
	deviceSort = 5_000_000
	// launchKeys is the room for correlation numbers, of 32 bits, that a process has.
	launchKeys = 1 << 32
	// firstExtraRow is where rows are numbered that are no stream's own.
	firstExtraRow = 1 << 20
	// noStream is the number of no stream.
	noStream = 1<<32 - 1
)

// deviceOf is the process's device with that number, described to viewers when it is new. Two processes may call two devices by
// one number, or one device by two; in a trace each has its own, which is its "device", its pid and its place among the
// properties, as readers want these to be the same.
func (s *sink) deviceOf(p *process, id int) *device {
	if id < 0 && len(p.devices) > 0 {
		return p.devices[0] // a wait of a context that nothing is known of
	}
	id = max(id, 0)
	for _, d := range p.devices {
		if d.id == id {
			return d
		}
	}
	d := &device{id: id, pid: s.pids.takeFrom(id), tids: newNumbers(firstExtraRow)}
	if f := p.recorded.Fact("cuda device", uint64(id)); f != nil {
		d.processors, d.warp = f.Arg("multiprocessors").Int, f.Arg("warp size").Int
	}
	p.devices = append(p.devices, d)
	label := fmt.Sprintf("GPU %d", d.pid)
	if d.pid != id {
		label += fmt.Sprintf(" (its process calls it %d)", id)
	}
	p.describeProcess(d.pid, title(p.recorded), label, deviceSort+d.pid)
	return d
}

// streamRows are the rows of a stream for what it did, for waits, or for steps. There are as many as overlaps need.
type streamRows struct {
	kind   string // in the rows' names; empty: what the stream did
	rows   rows
	places [][]byte
}

// place is the row for a span; nil when there are too many.
func (r *streamRows) place(p *process, t *track, start, end int64) []byte {
	at := r.rows.put(start, end)
	if at < 0 {
		return nil
	}
	if at == len(r.places) {
		r.add(p, t)
	}
	return r.places[at]
}

// add makes the next row.
func (r *streamRows) add(p *process, t *track) {
	stream, extra := int(t.recorded.StreamID), len(r.places)
	want, label := stream, fmt.Sprintf("stream %d ", stream)
	if stream == noStream {
		want, label = -1, "no stream "
	}
	if r.kind != "" {
		want, label = -1, label+"("+r.kind+")"
	}
	if extra > 0 {
		want, label = -1, fmt.Sprintf("%s(overlap %d)", label, extra)
	}
	tid := t.device.tids.take(want)
	r.places = append(r.places, placeOf(t.device.pid, tid))
	p.describeThread(t.device.pid, tid, label, min(stream, firstExtraRow)*2*maxRows+extra)
}

// deviceSpan adds device work: a kernel, a copy, a wait. It is false when there is no row for it.
func (s *sink) deviceSpan(p *process, t *track, e *recording.Event) bool {
	start := s.since(e.Start)
	finish := max(start+gap, s.since(e.End))
	w, line := &e.Work, &t.work
	if w.Kind == trace.WorkSync {
		line = &t.waits
	}
	place := line.place(p, t, start, finish)
	if place == nil {
		return false
	}
	n := s.names.get(e.Name)
	var around *track // the one that asked for it; made, if need be, before the event is begun
	if w.Track != nil && !w.Track.Device && !w.Track.Calls {
		around = s.track(p, w.Track)
	}
	b := append(append(p.buf, n.head(e)...), place...)
	b = s.clock.append(b, start)
	b = appendMicros(append(b, `,"dur":`...), finish-start)
	p.buf = append(s.deviceArgs(append(b, `,"args":{`...), p, t, around, e, n), "}},\n"...)
	if w.Kind == trace.WorkSync || w.Kind == trace.WorkOther {
		return true
	}
	if around != nil {
		around.worked(w.External, stepWork{t, interval{start, finish}})
	}
	if w.Correlation != 0 {
		key, to := s.launch(p, w.Correlation), end{place: place, ts: start}
		if from, ok := p.launches.match(key, to); ok {
			p.buf = appendArrow(p.buf, "ac2g", key, from, to)
		}
	}
	return true
}

// launch is a correlation number that no other process of the trace uses. The first process that launches keeps its own.
func (s *sink) launch(p *process, number uint64) uint64 {
	if !p.launcher {
		p.launcher, p.launchKey = true, s.launchers*launchKeys
		s.launchers++
	}
	return p.launchKey + number%launchKeys
}

// deviceArgs adds what is said of device work: Kineto's in Kineto's order, then the others.
func (s *sink) deviceArgs(b []byte, p *process, t, around *track, e *recording.Event, n *name) []byte {
	start := len(b)
	w := &e.Work
	if around != nil {
		b = append(strconv.AppendInt(append(b, `"External id":`...), p.operatorID(around, w.External), 10), ',')
	}
	stream := int64(t.recorded.StreamID)
	if stream == noStream {
		stream = -1
	}
	var correlation uint64
	if w.Correlation != 0 {
		correlation = s.launch(p, w.Correlation)
	}
	number := func(key string, v int64) { b = append(strconv.AppendInt(append(b, key...), v, 10), ',') }
	if w.Kind == trace.WorkSync {
		b = append(append(append(b, `"cuda_sync_kind":`...), n.quoted...), ',')
		number(`"stream":`, stream)
		number(`"correlation":`, int64(correlation))
		number(`"device":`, int64(t.device.pid))
		number(`"context":`, int64(t.recorded.ContextID))
		return trimComma(s.workArgs(b, p, t, e, n), start)
	}
	number(`"device":`, int64(t.device.pid))
	number(`"context":`, int64(t.recorded.ContextID))
	number(`"stream":`, stream)
	number(`"correlation":`, int64(correlation))
	f := s.fields(n, e)
	switch w.Kind {
	case trace.WorkKernel:
		b = t.device.kernelArgs(b, f)
	case trace.WorkCopy, trace.WorkSet:
		if f.has(fieldBytes) {
			number(`"bytes":`, f.ints[fieldBytes])
			if d := e.End - e.Start; d > 0 {
				b = append(appendShort(append(b, `"memory bandwidth (GB/s)":`...), float64(f.ints[fieldBytes])/float64(d)), ',')
			}
		}
		if f.has(fieldFromDevice) && f.has(fieldToDevice) {
			number(`"fromDevice":`, f.ints[fieldFromDevice])
			number(`"inDevice":`, int64(t.recorded.DeviceID))
			number(`"toDevice":`, f.ints[fieldToDevice])
			number(`"fromContext":`, f.ints[fieldFromContext])
			number(`"inContext":`, int64(t.recorded.ContextID))
			number(`"toContext":`, f.ints[fieldToContext])
		}
	}
	return trimComma(s.workArgs(b, p, t, e, n), start)
}

// kernelArgs adds how a kernel was launched.
func (d *device) kernelArgs(b []byte, f *fields) []byte {
	if f.has(fieldRegisters) {
		b = append(strconv.AppendInt(append(b, `"registers per thread":`...), f.ints[fieldRegisters], 10), ',')
		b = append(strconv.AppendInt(append(b, `"shared memory":`...), f.ints[fieldStatic]+f.ints[fieldDynamic], 10), ',')
	}
	if f.has(fieldGrid) && f.has(fieldBlock) && d.processors > 0 && d.warp > 0 {
		blocks := product(f.texts[fieldGrid]) / float64(d.processors)
		b = append(appendShort(append(b, `"blocks per SM":`...), blocks), ',')
		b = append(appendShort(append(b, `"warps per SM":`...), blocks*product(f.texts[fieldBlock])/float64(d.warp)), ',')
	}
	for i, key := range [...]string{fieldGrid: `"grid":`, fieldBlock: `"block":`} {
		if f.has(field(i)) && key != "" {
			b = append(appendVector(append(b, key...), f.texts[i]), ',')
		}
	}
	return b
}
