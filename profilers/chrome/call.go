package chrome

import (
	"fmt"
	"strconv"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

const (
	// clockError is how far, in ns, a call may be moved to lie within the span around it: the two are measured on two clocks.
	clockError = 20_000
	// callsWaiting bounds the calls of a process that wait for the span around them to end.
	callsWaiting = 1 << 14
)

// A call is to stand on the row of its thread, within the span that made it, as tools attribute calls by that. Calls come long
// after they were made, mostly after the spans around them, and in no order.

// call is a call in the making.
type call struct {
	interval
	own    *track // of the thread's calls
	around *track // of the span around it; nil: none
	span   uint64 // that span's number
	head   []byte // of the event
	args   []byte // of the event, up to its end
	key    uint64 // of the arrow to what it launched; 0: none
	inner  bool   // another call may be around it
}

// callSpan takes a call. One whose span has not ended waits.
func (s *sink) callSpan(p *process, t *track, e *recording.Event) {
	start := s.since(e.Start)
	c := call{interval: interval{start, max(start+gap, s.since(e.End))}, own: t, head: s.names.get(e.Name).head(e), inner: e.Work.Kind == trace.WorkDriverCall}
	if e.Work.Kind != trace.WorkOverhead && e.Work.Correlation != 0 {
		c.key = s.launch(p, e.Work.Correlation)
	}
	if e.Work.Track != nil && e.Work.Track != e.Track && !e.Work.Track.Device && !e.Work.Track.Calls {
		c.around, c.span = s.track(p, e.Work.Track), e.Work.External
	}
	s.scratch = s.callArgs(s.scratch[:0], p, t, e, &c)
	c.args = s.scratch
	if c.around == nil || c.around.kept.get(c.span) != nil || p.waiting >= callsWaiting {
		s.place(p, &c)
		return
	}
	c.args = append([]byte(nil), c.args...)
	if c.around.waiting == nil {
		c.around.waiting = map[uint64][]call{}
	}
	c.around.waiting[c.span] = append(c.around.waiting[c.span], c)
	p.waiting++
}

// callArgs adds a call's arguments: Kineto's in Kineto's order, then the others.
func (s *sink) callArgs(b []byte, p *process, t *track, e *recording.Event, c *call) []byte {
	b = append(b, `,"args":{`...)
	start := len(b)
	if c.around != nil {
		b = append(strconv.AppendInt(append(b, `"External id":`...), p.operatorID(c.around, c.span), 10), ',')
	}
	n := s.names.get(e.Name)
	f := s.fields(n, e)
	if f.has(fieldCall) {
		b = append(strconv.AppendInt(append(b, `"cbid":`...), f.ints[fieldCall], 10), ',')
	}
	if e.Work.Kind != trace.WorkOverhead {
		b = append(strconv.AppendUint(append(b, `"correlation":`...), c.key, 10), ',')
	}
	b = s.workArgs(b, p, t, e, n)
	return append(trimComma(b, start), "}},\n"...)
}

// release places the calls that waited for a span.
func (s *sink) release(p *process, t *track, span uint64) {
	list := t.waiting[span]
	if len(list) == 0 {
		return
	}
	delete(t.waiting, span)
	p.waiting -= len(list)
	for i := range list {
		s.place(p, &list[i])
	}
}

// place writes a call: within the span around it, or where it does not fit there, on a row of its own.
func (s *sink) place(p *process, c *call) {
	at, row := c.interval, []byte(nil)
	if t := c.around; t != nil {
		if room, ok := t.kept.free(c.span, c.start); ok {
			if c.inner {
				room = interval{room.start + gap, room.end - gap}
			}
			if at, ok = t.calls.put(c.interval, room, clockError); ok {
				row = t.place
			}
		}
		if row == nil || absolute(at.start-c.start) > unnoticed || absolute(at.end-c.end) > unnoticed {
			p.fitted++
		}
	}
	if row == nil {
		if at, row = p.callRow(c); row == nil {
			p.passed++
			return
		}
	}
	b := append(append(p.buf, c.head...), row...)
	b = s.clock.append(b, at.start)
	b = appendMicros(append(b, `,"dur":`...), at.end-at.start)
	p.buf = append(b, c.args...)
	p.filled++
	if c.key != 0 {
		from := end{place: row, ts: at.start, out: true}
		if to, ok := p.launches.match(c.key, from); ok {
			p.buf = appendArrow(p.buf, "ac2g", c.key, from, to)
		}
	}
}

// callRow is a row for the calls that a thread made within no span. There are as many as overlaps need.
func (p *process) callRow(c *call) (interval, []byte) {
	t, any := c.own, interval{0, 1 << 62}
	for i := 0; i < maxRows; i++ {
		if i == len(t.lanes) {
			t.lanes = append(t.lanes, &lane{})
			t.places = append(t.places, p.callPlace(t, i))
		}
		if at, ok := t.lanes[i].put(c.interval, any, 2*gap); ok {
			return at, t.places[i]
		}
	}
	return c.interval, nil
}

func (p *process) callPlace(t *track, extra int) []byte {
	tid, label := int(t.recorded.ID), t.recorded.Name
	if extra > 0 {
		tid, label = p.tids.take(-1), fmt.Sprintf("%s (overlap %d)", label, extra)
	}
	p.describeThread(p.pid, tid, label, int(t.recorded.ID))
	return placeOf(p.pid, tid)
}

// settle writes what waited for spans that never came.
func (s *sink) settle(p *process) {
	for _, t := range p.order {
		for seq := range t.waiting {
			s.release(p, t, seq)
		}
		for _, step := range t.steps {
			s.annotate(p, t, step)
		}
	}
}
