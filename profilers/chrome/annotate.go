package chrome

import (
	"slices"
	"sort"
	"strconv"
)

const (
	// stepsKept is how many steps of a track may still get device work.
	stepsKept = 1 << 10
	// workWaiting bounds the device work of a track whose step has not ended.
	workWaiting = 1 << 15
)

// Kineto shows on a device, too, what annotation its work belongs to: from the begin of the first to the end of the last. Here
// that is the step, a row for each stream.

// deviceStep is a step of a track, as its device work sees it.
type deviceStep struct {
	from, to uint64 // the numbers of its spans
	name     *name
	number   int
	request  string
	work     []stepWork // one a stream
}

type stepWork struct {
	stream *track
	interval
}

// waitingWork is work of a step that has not ended.
type waitingWork struct {
	span uint64
	stepWork
}

// stepEnded notes a step whose last span has the number to.
func (s *sink) stepEnded(p *process, t *track, st deviceStep) {
	t.pending = slices.DeleteFunc(t.pending, func(w waitingWork) bool {
		if w.span >= st.from && w.span <= st.to {
			st.add(w.stepWork)
		}
		return w.span <= st.to
	})
	if len(t.steps) == stepsKept {
		for _, old := range t.steps[:stepsKept/2] {
			s.annotate(p, t, old)
		}
		t.steps = append(t.steps[:0], t.steps[stepsKept/2:]...)
	}
	t.steps = append(t.steps, st)
}

// worked adds device work that a span of the track asked for to its step.
func (t *track) worked(span uint64, w stepWork) {
	i := sort.Search(len(t.steps), func(i int) bool { return t.steps[i].to >= span })
	switch {
	case i < len(t.steps):
		if span >= t.steps[i].from {
			t.steps[i].add(w)
		}
	case len(t.pending) < workWaiting:
		if n := len(t.pending); n > 0 && t.pending[n-1].span == span && t.pending[n-1].stream == w.stream {
			t.pending[n-1].widen(w.interval)
			return
		}
		t.pending = append(t.pending, waitingWork{span, w})
	}
}

func (s *deviceStep) add(w stepWork) {
	for i := range s.work {
		if s.work[i].stream == w.stream {
			s.work[i].widen(w.interval)
			return
		}
	}
	s.work = append(s.work, w)
}

func (w *stepWork) widen(by interval) { w.start, w.end = min(w.start, by.start), max(w.end, by.end) }

// annotate writes a step's spans on streams.
func (s *sink) annotate(p *process, t *track, st deviceStep) {
	for _, w := range st.work {
		start, end := max(0, w.start-gap), w.end+gap
		place := w.stream.notes.place(p, w.stream, start, end)
		if place == nil {
			continue
		}
		b := append(p.buf, `{"ph":"X","cat":"gpu_user_annotation","name":"ProfilerStep#`...)
		b = append(strconv.AppendInt(b, int64(st.number), 10), `",`...)
		b = s.clock.append(append(b, place...), start)
		b = appendMicros(append(b, `,"dur":`...), end-start)
		b = strconv.AppendInt(append(b, `,"args":{"External id":`...), p.operatorID(t, st.from), 10)
		if st.request != "" {
			b = appendString(append(b, `,"request_id":`...), st.request)
		}
		b = append(append(b, `,"span":`...), st.name.quoted...)
		p.buf = append(b, "}},\n"...)
	}
}
