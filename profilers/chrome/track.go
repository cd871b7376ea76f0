package chrome

import (
	"strconv"

	"github.com/strobe-dev/strobe/sdk/recording"
)

// idsPerTrack is the room for operator ids that a track has: the id of an operator is its number within its track, moved to
// the track's own range, so that it is known before the operator's end is seen.
const idsPerTrack = 1 << 40

// track is one recorded track as the trace shows it: one row, or for a device's stream as many as its overlaps need.
type track struct {
	recorded *recording.Track
	place    []byte // "pid":4242,"tid":1,"ts":
	ids      int64  // what an operator's number is added to; -1 until the first operator
	nesting  nesting
	arrows   []arrow // their enclosing spans have not been seen
	memo     *memo   // of the last span that has one

	request     string // the last one that was written
	requestArgs []byte // "request_id":"…"

	// Of a track of the CPU in a process that records device work:
	kept    kept              // its spans
	calls   lane              // made within them
	waiting map[uint64][]call // by the number of the span around them, which has not ended
	steps   []deviceStep      // in order
	pending []waitingWork     // of a step that has not ended

	// Of a device's stream:
	device             *device
	work, waits, notes streamRows

	// Of calls, those within no span:
	lanes  []*lane
	places [][]byte // one a lane
}

// arrow is one end of a request's arrow.
type arrow struct {
	ts   int64
	flow uint64
	out  bool
}

// device is a device of a process: in a trace it is a process of its own.
type device struct {
	id   int // as its process calls it
	pid  int // as the trace calls it
	tids numbers
	// As it was recorded; 0 when it was not.
	processors, warp int64
}

// arrowsWaiting bounds the arrows of a track that wait for the end of the span around them.
const arrowsWaiting = 1 << 12

// arrow keeps an arrow until the span around it is seen. It is false when too many wait.
func (t *track) arrow(a arrow) bool {
	if len(t.arrows) >= arrowsWaiting {
		return false
	}
	t.arrows = append(t.arrows, a)
	return true
}

func placeOf(pid, tid int) []byte {
	b := strconv.AppendInt([]byte(`"pid":`), int64(pid), 10)
	b = strconv.AppendInt(append(b, `,"tid":`...), int64(tid), 10)
	return append(b, `,"ts":`...)
}

// requestID is the argument that names the event's request. Neighbours on a track mostly belong to the same one.
func (t *track) requestID(id string) []byte {
	if id != t.request {
		t.request = id
		t.requestArgs = appendString(append(t.requestArgs[:0], `"request_id":`...), id)
	}
	return t.requestArgs
}

// enclosed hands out the arrows that touch the span: of the spans around an arrow the innermost comes first. Arrows wait in the
// order of their times. After an outermost span none waits: what it does not enclose, none will.
func (t *track) enclosed(depth uint16, start, end int64, f func(arrow)) {
	first := len(t.arrows)
	for first > 0 && t.arrows[first-1].ts >= start {
		first--
	}
	for _, a := range t.arrows[first:] {
		if a.ts <= end {
			f(a)
		}
	}
	if depth == 0 {
		first = 0
	}
	t.arrows = t.arrows[:first]
}
