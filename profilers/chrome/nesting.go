package chrome

const (
	// gap is the least length of a span, and the least time in ns between the ends of two. Viewers add begin and length as
	// float64 and lose count when a span seems to end a little after what follows, or encloses, it. Clocks that tick in
	// nanoseconds leave larger gaps by themselves.
	gap = 1
	// unnoticed is how far, in ns, a span may be moved without being counted.
	unnoticed = 1000
	// outermostKept is how many spans a row remembers at most.
	outermostKept = 1024
)

// nesting keeps the spans of one row from overlapping in part, which viewers call an error. A recorder's spans nest by
// construction; a clock that ticks rarely, one that jumped or a damaged record may break that. Spans come in order of their ends,
// the inner of two with one end first, so what a span encloses comes before it.
type nesting struct {
	outermost []interval // of the spans so far those that none encloses, in order
}

// fit gives the begin and end with which a span may be written, and whether it was moved noticeably.
func (n *nesting) fit(start, end int64) (int64, int64, bool) {
	from, to := start, end
	last := len(n.outermost) - 1
	for last >= 0 && n.outermost[last].start >= from { // within
		to = max(to, n.outermost[last].end+gap)
		last--
	}
	if last >= 0 {
		from = max(from, n.outermost[last].end+gap)
	}
	to = max(to, from+gap)
	n.outermost = append(n.outermost[:last+1], interval{from, to})
	if len(n.outermost) > outermostKept {
		n.outermost = n.outermost[:copy(n.outermost, n.outermost[outermostKept/2:])]
	}
	return from, to, absolute(from-start) > unnoticed || absolute(to-end) > unnoticed
}

func absolute(n int64) int64 { return max(n, -n) }
