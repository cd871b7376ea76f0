package perfetto

import (
	"cmp"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Perfetto nests spans by the order of their begins and ends, and of those at one moment by their order in the file. Spans come
// when they have ended, the inner ones first. So a track's spans wait until the one around them has ended.

const (
	spansWaiting  = 1 << 13 // of a track; then its spans are written without those around them
	bytesWaiting  = 1 << 20 // of a track's spans, likewise
	arrowsWaiting = 1 << 12 // of a track; beyond, arrows are left out and counted
	maxRows       = 64      // of a device's stream, or of a thread's calls; what fits none is left out and counted
	launchBit     = 1 << 63 // tells arrows of device work from a request's
)

// track is one recorded track.
type track struct {
	process *process
	uuid    uint64
	spans   []span
	text    msg // of the spans
	arrows  []arrow
	name    string // of a device's stream, or of calls
	rows    []row  // as many as its overlaps need
}

// span waits for the one around it. Its event is text[from:to] of the track.
type span struct {
	seq        uint64
	start, end int64
	depth      uint16
	from, to   int
	arrows     []arrow // touch it
}

// arrow is one end of an arrow, which touches the innermost span around it.
type arrow struct {
	at   int64
	flow uint64
	as   protowire.Number // eventFlow or eventFlowsEnd
}

type row struct {
	uuid uint64
	end  int64 // of its last span
}

// span takes an ended span and writes all that wait when nothing is around it.
func (s *sink) span(t *track, e *recording.Event) {
	from := len(t.text)
	t.text = s.describe(t.text, e)
	t.spans = append(t.spans, span{seq: e.Seq, start: e.Start, end: max(e.Start, e.End), depth: e.Depth, from: from, to: len(t.text)})
	if e.Depth == 0 || len(t.spans) >= spansWaiting || len(t.text) >= bytesWaiting {
		s.settle(t, e.Depth == 0)
	}
}

// settle writes the spans that wait, in the order of their begins. When the outermost span is among them, what arrows are left
// have nothing around them, and go.
func (s *sink) settle(t *track, whole bool) {
	slices.SortFunc(t.spans, func(a, b span) int { return cmp.Compare(a.seq, b.seq) })
	t.attach()
	var open []*span
	for i := range t.spans {
		p := &t.spans[i]
		for n := len(open) - 1; n >= 0 && (open[n].depth >= p.depth || open[n].end < p.start); n-- {
			s.end(t.uuid, open[n].end)
			open = open[:n]
		}
		if s.begin(t.uuid, p.start, t.text[p.from:p.to], p.arrows...) {
			open = append(open, p)
		}
	}
	for _, p := range slices.Backward(open) {
		s.end(t.uuid, p.end)
	}
	t.spans, t.text = t.spans[:0], t.text[:0]
	if whole {
		s.without += uint64(len(t.arrows))
		t.arrows = t.arrows[:0]
	}
}

// attach gives each arrow to the innermost span around it.
func (t *track) attach() {
	t.arrows = slices.DeleteFunc(t.arrows, func(a arrow) bool {
		after, _ := slices.BinarySearchFunc(t.spans, a.at+1, func(p span, at int64) int { return cmp.Compare(p.start, at) })
		for i := after - 1; i >= 0; i-- {
			if p := &t.spans[i]; p.end >= a.at {
				p.arrows = append(p.arrows, a)
				return true
			}
		}
		return false
	})
}

// begin writes a span's begin. It is false when there is no room for it and its end.
func (s *sink) begin(track uint64, at int64, text msg, arrows ...arrow) bool {
	m := append(s.on(track, typeBegin), text...)
	for _, a := range arrows {
		m = m.fixed(a.as, a.flow)
	}
	return s.take(at, m, endBytes)
}

func (s *sink) end(track uint64, at int64) {
	s.reserved -= endBytes
	s.write(at, s.on(track, typeEnd))
}

// work writes the work of a device, or a call. They come in no order, and a stream may run several things at once; a row of
// Perfetto holds no overlap.
func (s *sink) work(t *track, e *recording.Event) {
	at := slices.IndexFunc(t.rows, func(r row) bool { return r.end <= e.Start })
	if at < 0 {
		if at = len(t.rows); at == maxRows {
			s.without++
			return
		}
		uuid, name := s.uuid(), t.name+strings.Repeat(" (overlap)", min(at, 1))
		s.track(msg{}.uint(trackUUID, uuid).uint(trackParent, t.process.uuid).text(trackName, name))
		t.rows = append(t.rows, row{uuid: uuid})
	}
	s.text = s.describe(s.text[:0], e)
	if n := e.Work.Correlation; n != 0 {
		flow := protowire.Number(eventFlowsEnd)
		if e.Track.Calls {
			flow = eventFlow
		}
		s.text = s.annotate(s.text, "correlation", recording.Arg{Type: trace.TypeInt, Int: int64(n)}).fixed(flow, launchBit|t.process.uuid<<32|n&(1<<32-1))
	}
	if r := &t.rows[at]; s.begin(r.uuid, e.Start, s.text) {
		r.end = max(e.Start, e.End)
		s.end(r.uuid, r.end)
	}
}
