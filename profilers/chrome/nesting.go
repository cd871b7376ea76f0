package chrome

import "math"

// maxDepth is how deep spans are checked; deeper ones are written as they come.
const maxDepth = 256

// noChild is a begin later than any.
const noChild = math.MaxInt64

// nesting keeps the spans of one row from overlapping in part, which viewers call an error. A recorder's spans nest by
// construction; a clock that jumped or a damaged record may break that. Spans come in order of their ends, so a span's children
// come before it.
type nesting struct {
	levels []level
}

// level is what is known of one depth.
type level struct {
	parent uint64 // the span that encloses those of which first is about
	first  int64  // the earliest begin among the children of parent so far
	last   int64  // the latest end of all
}

const (
	// gap is the least length of a span, and the least time in ns between the ends of two. Viewers add begin and length as
	// float64 and lose count when a span seems to end a little after what follows, or encloses, it. Clocks that tick in
	// nanoseconds leave larger gaps by themselves.
	gap = 1
	// unnoticed is how far, in ns, a span may be moved without being counted.
	unnoticed = 1000
)

// fit gives the begin and end with which a span may be written, and whether it was moved noticeably.
func (n *nesting) fit(depth int, seq, parent uint64, start, end int64) (int64, int64, bool) {
	if depth >= maxDepth {
		return start, max(start+gap, end), end < start
	}
	for len(n.levels) < depth+2 {
		n.levels = append(n.levels, level{first: noChild, last: -gap})
	}
	own, below := &n.levels[depth], &n.levels[depth+1]
	from, to := start, end
	if below.parent == seq && below.first != noChild {
		from, to = min(from, below.first), max(to, below.last+gap)
	}
	for i := range n.levels[:depth+1] { // what ended at this depth or further out lies before
		from = max(from, n.levels[i].last+gap)
	}
	to = max(to, from+gap)
	below.first = noChild
	if own.parent != parent {
		own.parent, own.first = parent, noChild
	}
	own.first, own.last = min(own.first, from), to
	return from, to, absolute(from-start) > unnoticed || absolute(to-end) > unnoticed
}

func absolute(n int64) int64 { return max(n, -n) }
