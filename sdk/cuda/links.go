//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"sort"
	"sync"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// linkSlots is how many calls back a piece of device work may find the span around its call.
const linkSlots = 1 << 17

// link is what is known of a call.
type link struct {
	correlation uint32
	seen        bool // the call's own record was read
	span        trace.SpanID
}

// links ties calls to the spans that enclosed them, by correlation number: a table that the newest calls overwrite.
type links [linkSlots]link

// slot is the place of a call, emptied when another had it.
func (l *links) slot(correlation uint32) *link {
	s := &l[correlation%linkSlots]
	if s.correlation != correlation {
		*s = link{correlation: correlation}
	}
	return s
}

// find is what is known of a call; nil when nothing is.
func (l *links) find(correlation uint32) *link {
	if s := &l[correlation%linkSlots]; s.correlation == correlation && (s.seen || s.span.Seq != 0) {
		return s
	}
	return nil
}

// A span is sent through the library as one number: its track above its sequence.
const (
	sequenceBits = 40
	maxTrackID   = 1<<(64-sequenceBits) - 1
	maxSequence  = 1<<sequenceBits - 1
)

// packSpan is a span as a number; 0 when it does not fit.
func packSpan(id trace.SpanID) uint64 {
	if id.Track > maxTrackID || id.Seq > maxSequence {
		return 0
	}
	return uint64(id.Track)<<sequenceBits | id.Seq
}

func unpackSpan(v uint64) trace.SpanID {
	return trace.SpanID{Track: uint32(v >> sequenceBits), Seq: v & maxSequence}
}

// requests knows which request the spans of bound tracks belong to.
type requests struct {
	mu    sync.Mutex
	marks map[uint32][]requestMark // by track, by sequence
}

// requestMark says that a track's spans from a sequence on belong to a request.
type requestMark struct {
	from    uint64
	request string
}

// maxMarks bounds what is kept of a track; the older half goes.
const maxMarks = 4096

// set notes a span's request when it differs from the one before.
func (r *requests) set(id trace.SpanID, request string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.marks == nil {
		r.marks = map[uint32][]requestMark{}
	}
	m := r.marks[id.Track]
	if len(m) >= maxMarks {
		m = append(m[:0], m[maxMarks/2:]...)
	}
	r.marks[id.Track] = append(m, requestMark{id.Seq, request})
}

// of is a span's request, and the sequence numbers of its track for which that holds.
func (r *requests) of(id trace.SpanID) (request string, from, to uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.marks[id.Track]
	i := sort.Search(len(m), func(i int) bool { return m[i].from > id.Seq })
	from, to = 0, 1<<64-1
	if i < len(m) {
		to = m[i].from
	}
	if i > 0 {
		request, from = m[i-1].request, m[i-1].from
	}
	return request, from, to
}
