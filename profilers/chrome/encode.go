package chrome

import (
	"math"
	"strconv"
	"strings"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// event adds one recorded event to the process's block.
func (s *sink) event(p *process, e *recording.Event) {
	if e.Track == nil || e.Name == nil && e.Kind != recording.FlowOut && e.Kind != recording.FlowIn {
		p.passed++
		return
	}
	t := s.track(p, e.Track)
	ok := true
	switch e.Kind {
	case recording.Span:
		switch {
		case t.device != nil:
			ok = s.deviceSpan(p, t, e)
		case t.recorded.Calls:
			s.callSpan(p, t, e) // which counts it when it is written
			return
		default:
			s.span(p, t, e)
		}
	case recording.Instant:
		s.instant(p, t, e)
	case recording.Counter:
		ok = s.counter(p, e)
	case recording.FlowOut, recording.FlowIn:
		ok = t.arrow(arrow{ts: s.since(e.Start), flow: e.Flow, out: e.Kind == recording.FlowOut})
	default:
		ok = false
	}
	if ok {
		p.filled++
	} else {
		p.passed++
	}
}

// since is the time of a trace: ns since its base, never negative.
func (s *sink) since(ns int64) int64 { return max(0, ns-s.base) }

func (s *sink) span(p *process, t *track, e *recording.Event) {
	start, end, moved := t.nesting.fit(s.since(e.Start), s.since(e.End))
	if moved {
		p.fitted++
	}
	var n *name
	m := s.recall(p, t, e)
	if m != nil {
		n = m.name
	} else {
		n = s.names.get(e.Name)
	}
	b := p.buf
	if n.category == trace.CategoryStep {
		b = p.step(b, t, start, end)
	}
	b = append(append(b, n.span...), t.place...)
	b = s.clock.append(b, start)
	b = appendMicros(append(b, `,"dur":`...), end-start)
	b = s.spanArgs(append(b, `,"args":{`...), p, t, e, n, m)
	p.buf = append(b, "}},\n"...)

	if p.devicesOn {
		if n.category == trace.CategoryStep {
			s.stepEnded(p, t, deviceStep{from: e.Seq, to: max(e.Seq, t.kept.last), name: n, number: p.steps, request: strings.Clone(e.Request)})
		}
		t.kept.keep(e.Seq, e.Parent, interval{start, end})
		if t.waiting != nil {
			s.release(p, t, e.Seq)
		}
	}
	if len(t.arrows) > 0 {
		t.enclosed(e.Depth, start, end, func(a arrow) { s.requestArrow(t, a) })
	}
}

// step adds the annotation by which PyTorch's tools find iterations. It stands before the step, so that it is the outer one.
func (p *process) step(b []byte, t *track, start, end int64) []byte {
	p.steps++
	b = append(b, `{"ph":"X","cat":"user_annotation","name":"ProfilerStep#`...)
	b = append(strconv.AppendInt(b, int64(p.steps), 10), `",`...)
	b = appendMicros(append(b, t.place...), start)
	b = appendMicros(append(b, `,"dur":`...), end-start)
	return append(b, "},\n"...)
}

// operatorID is Kineto's "External id" of the span with that number on the track.
func (p *process) operatorID(t *track, seq uint64) int64 {
	if t.ids < 0 {
		t.ids = p.operators * idsPerTrack
		p.operators++
	}
	return t.ids + int64(seq%idsPerTrack)
}

func (s *sink) instant(p *process, t *track, e *recording.Event) {
	n := s.names.get(e.Name)
	b := append(p.buf, `{"ph":"i","s":"t","cat":"cpu_instant_event","name":`...)
	b = append(append(b, n.quoted...), ',')
	b = s.clock.append(append(b, t.place...), s.since(e.Start))
	b = s.otherArgs(append(b, `,"args":{`...), p, t, e, n)
	p.buf = append(b, "}},\n"...)
}

// counter adds a sample. Viewers draw no sample that is not a number, so such a one is left out and false comes back.
func (s *sink) counter(p *process, e *recording.Event) bool {
	if math.IsNaN(e.Value) || math.IsInf(e.Value, 0) {
		return false
	}
	n := s.names.get(e.Name)
	b := append(p.buf, `{"ph":"C","cat":"counter","name":`...)
	b = strconv.AppendInt(append(append(b, n.quoted...), `,"pid":`...), int64(p.pid), 10)
	b = s.clock.append(append(b, `,"tid":0,"ts":`...), s.since(e.Start))
	b = append(b, `,"args":{"value":`...)
	if e.Float {
		b = appendFloat(b, e.Value)
	} else {
		b = strconv.AppendInt(b, int64(e.Value), 10)
	}
	p.buf = append(b, "}},\n"...)
	return true
}

// requestArrow adds an arrow between processes once both of its ends are known. It goes to the merged file alone: a rank's own
// file has only one end.
func (s *sink) requestArrow(t *track, a arrow) {
	here := end{place: t.place, ts: a.ts, out: a.out}
	there, ok := s.requests.match(a.flow, here)
	if !ok {
		return
	}
	if !here.out {
		here, there = there, here
	}
	s.arrowIDs++
	s.arrows = appendArrow(s.arrows, "request", s.arrowIDs, here, there)
}

// appendArrow adds an arrow's two ends. The number is written after the place, which ends where the time follows.
func appendArrow(b []byte, kind string, id uint64, from, to end) []byte {
	for _, e := range [2]end{from, to} {
		ph := `{"ph":"f","bp":"e","cat":"`
		if e.out {
			ph = `{"ph":"s","cat":"`
		}
		b = append(append(b, ph...), kind...)
		b = append(append(b, `","name":"`...), kind...)
		b = strconv.AppendUint(append(b, `","id":`...), id, 10)
		b = appendMicros(append(append(b, ','), e.place...), e.ts)
		b = append(b, "},\n"...)
	}
	return b
}
