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
)

// deviceOf is the process's device with that number, described to viewers when it is new. Two processes may call two devices by
// one number, or one device by two; in a trace each has its own, which is its "device", its pid and its place among the
// properties, as readers want these to be the same.
func (s *sink) deviceOf(p *process, id int) *device {
	for _, d := range p.devices {
		if d.id == id {
			return d
		}
	}
	d := &device{id: id, pid: s.pids.takeFrom(max(id, 0)), tids: newNumbers(firstExtraRow)}
	p.devices = append(p.devices, d)
	label := fmt.Sprintf("GPU %d", d.pid)
	if d.pid != id {
		label += fmt.Sprintf(" (its process calls it %d)", id)
	}
	p.describeProcess(d.pid, title(p.recorded), label, deviceSort+d.pid)
	return d
}

// deviceSpan adds device work: a kernel, a copy, a wait. It is false when there is no row for it.
func (s *sink) deviceSpan(p *process, t *track, e *recording.Event) bool {
	start := s.since(e.Start)
	finish := max(start+gap, s.since(e.End))
	at := t.rows.put(start, finish)
	if at < 0 {
		return false
	}
	if at == len(t.places) {
		p.addRow(t)
	}
	n := s.names.get(e.Name)
	work := end{place: t.places[at], ts: start}
	var call end
	var key uint64
	number, known := correlation(s.names, e)
	if known {
		key = s.launch(p, number)
		call, known = p.launches.match(key, work)
	}
	b := append(append(p.buf, n.onDevice...), t.places[at]...)
	b = s.clock.append(b, start)
	b = appendMicros(append(b, `,"dur":`...), finish-start)
	b = append(b, `,"args":{`...)
	if known && call.id > 0 {
		b = append(strconv.AppendInt(append(b, `"External id":`...), call.id, 10), ',')
	}
	b = strconv.AppendInt(append(b, `"device":`...), int64(t.device.pid), 10)
	b = strconv.AppendUint(append(b, `,"context":`...), uint64(t.recorded.ContextID), 10)
	b = strconv.AppendUint(append(b, `,"stream":`...), uint64(t.recorded.StreamID), 10)
	if rest := s.otherArgs(append(b, ','), p, t, e, n); len(rest) > len(b)+1 {
		b = rest
	}
	p.buf = append(b, "}},\n"...)
	if known {
		p.buf = appendArrow(p.buf, "ac2g", key, call, work)
	}
	return true
}

// launched remembers a runtime call until the device work that it caused is seen, or joins it to that.
func (s *sink) launched(p *process, t *track, e *recording.Event, start int64) {
	number, ok := correlation(s.names, e)
	if !ok {
		return
	}
	key := s.launch(p, number)
	call := end{place: t.place, ts: start, out: true}
	if e.Parent != 0 {
		call.id = p.operatorID(t, e.Parent)
	}
	if work, ok := p.launches.match(key, call); ok {
		p.buf = appendArrow(p.buf, "ac2g", key, call, work)
	}
}

// launch is a correlation number that no other process of the trace uses. The first process that launches keeps its own.
func (s *sink) launch(p *process, number int64) uint64 {
	if !p.launcher {
		p.launcher, p.launchKey = true, s.launchers*launchKeys
		s.launchers++
	}
	return p.launchKey + uint64(number)
}

// correlation is the number that joins a runtime call to device work.
func correlation(names nameCache, e *recording.Event) (int64, bool) {
	for i := range e.Args {
		a := &e.Args[i]
		if a.Type == trace.TypeInt && a.Int >= 0 && names.get(a.Key).role == roleCorrelation {
			return a.Int, true
		}
	}
	return 0, false
}

// addRow makes the next row of a stream.
func (p *process) addRow(t *track) {
	stream, extra := int(t.recorded.StreamID), len(t.places)
	want, label := stream, fmt.Sprintf("stream %d ", stream)
	if extra > 0 {
		want, label = -1, fmt.Sprintf("stream %d (overlap %d)", stream, extra)
	}
	tid := t.device.tids.take(want)
	t.places = append(t.places, placeOf(t.device.pid, tid))
	p.describeThread(t.device.pid, tid, label, stream*maxRows+extra)
}
