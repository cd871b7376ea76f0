package otlp

import (
	"strings"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Bounds of what a track keeps until the span around it has ended.
const (
	maxWanted  = 256 // spans that another one hangs below
	maxPending = 256 // instants
)

// process is one recorded process.
type process struct {
	recorded *recording.Process
	model    string
	origin   *origin
	devices  string // what origin says of device events
	open     *chunk // in the making; nil: none
	tracks   map[*recording.Track]*track
	last     *track         // the one looked up last
	arrivals places[string] // by request: where an arrow reached the process
	calls    places[uint64] // by correlation: calls of a device's runtime
	span     []byte         // Span.name of the span around a request
}

func (s *sink) newProcess(r *recording.Process) *process {
	p := &process{recorded: r, model: modelOf(s.profile, r), tracks: map[*recording.Track]*track{}}
	s.introduce(p)
	p.span = appendText(nil, fieldName, strings.TrimSpace(operation+" "+p.model))
	return p
}

// introduce says who the process is to whoever gets its spans from now on.
func (s *sink) introduce(p *process) {
	p.devices = deviceEvents(p.recorded)
	p.origin = newOrigin(resourceOf(s.ctx, s.config.ServiceName, s.profile, p.recorded))
}

// track is one recorded track.
type track struct {
	recorded  *recording.Track
	seed      uint64 // of its spans' ids
	own       place  // of what it did for no request
	request   string // the one that at is about
	at        place
	wanted    []uint64 // spans, by Seq, that a span hangs below that is sent: they are sent, whatever the level of detail
	pending   []instant
	texts     []byte // of pending
	n         uint64 // spans that were to be sent so far
	did       operations
	flops     int64  // of the span that ended last, with all below it
	before    ranges // of these, what an earlier export delivered
	delivered ranges // and what is delivered now; the sender's
}

// instant waits for the span around it.
type instant struct {
	parent   uint64 // its Seq
	from, to int    // in texts: a Span.Event
}

func (s *sink) newTrack(p *process, r *recording.Track) *track {
	t := &track{recorded: r, seed: trackSeed(p.recorded, r.ID), own: place{trace: trackTrace(s.profile.ID, p.recorded, r.ID)}}
	t.before = s.previous.ranges(processKey(p.recorded), r.ID)
	s.sender.mu.Lock()
	t.delivered = append(t.delivered, t.before...)
	s.sender.mu.Unlock()
	return t
}

// want has the span with that number sent. Children come before their parents, so it is known in time.
func (t *track) want(seq uint64) {
	for i := len(t.wanted) - 1; i >= 0; i-- {
		if t.wanted[i] == seq {
			return
		}
	}
	if seq == 0 || len(t.wanted) == maxWanted {
		return
	}
	t.wanted = append(t.wanted, seq)
}

// wants tells whether a span hangs below the one with that number, which is over.
func (t *track) wants(seq uint64) bool {
	for i := len(t.wanted) - 1; i >= 0; i-- {
		if t.wanted[i] == seq {
			t.wanted = append(t.wanted[:i], t.wanted[i+1:]...)
			return true
		}
	}
	return false
}

// take gives the waiting instants of a span to f and forgets them.
func (t *track) take(seq uint64, f func(event []byte)) {
	if len(t.pending) == 0 {
		return
	}
	rest := t.pending[:0]
	for _, e := range t.pending {
		if e.parent == seq {
			f(t.texts[e.from:e.to])
		} else {
			rest = append(rest, e)
		}
	}
	if t.pending = rest; len(rest) == 0 {
		t.texts = t.texts[:0]
	}
}

// whereabouts is the place of an event's request.
func (s *sink) whereabouts(p *process, t *track, request string) *place {
	switch {
	case request == "":
		return &t.own
	case request != t.request:
		t.request = strings.Clone(request)
		var ok bool
		if t.at, ok = p.arrivals.get(t.request); ok {
			break
		}
		if t.at, ok = s.requests.get(t.request); !ok {
			t.at = place{trace: requestTrace(s.profile.ID, t.request)}
		}
	}
	return &t.at
}

// arrow keeps where an arrow between processes leaves, or puts what follows on the track below that.
func (s *sink) arrow(p *process, t *track, e *recording.Event) {
	at := *s.whereabouts(p, t, e.Request)
	if e.Kind == recording.FlowOut {
		if e.Parent != 0 {
			at.parent = spanOf(t.seed, e.Parent)
			t.want(e.Parent)
		}
		s.flows.put(e.Flow, at)
		return
	}
	from, ok := s.flows.get(e.Flow)
	if !ok {
		s.counts.Unlinked++
		return
	}
	if e.Request == "" {
		t.own = from
		return
	}
	p.arrivals.put(t.request, from)
	t.at = from
}

// joins takes a client's trace from the instant by which core says it. It is false when e is another one.
func (s *sink) joins(p *process, t *track, e *recording.Event) bool {
	if p.recorded.Kind != trace.ProcessCore || e.Name.Text != nameTraceparent || e.Request == "" {
		return false
	}
	var parent, state string
	for i := range e.Args {
		switch e.Args[i].Key.Text {
		case nameTraceparent:
			parent = e.Args[i].Text
		case nameTracestate:
			state = e.Args[i].Text
		}
	}
	if at, ok := parsePlace(parent, state); ok {
		t.request, t.at = strings.Clone(e.Request), at
		s.requests.put(t.request, at)
	}
	return true
}

// above is the span that e hangs below, zero for none, and whether that is in another process.
func (s *sink) above(p *process, t *track, e *recording.Event, at *place) (parent spanID, remote bool) {
	if e.Parent != 0 {
		return spanOf(t.seed, e.Parent), false
	}
	w := &e.Work
	if w.Track != nil && w.External != 0 { // a call, or what it launched: of the span that asked for it
		return spanOf(s.track(p, w.Track).seed, w.External), false
	}
	if w.Correlation != 0 && !e.Track.Calls {
		if call, ok := p.calls.get(w.Correlation); ok {
			return call.parent, false
		}
	}
	return at.parent, at.parent != spanID{}
}
