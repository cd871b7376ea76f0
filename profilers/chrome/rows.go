package chrome

import "sort"

// A device's stream may run several things at once, and its spans come in no order. A trace's row holds no overlap, so spans
// are spread over as many rows as they need.

// rowMemory is how many spans a row remembers, at most twice that many for a moment. A span older than all that a row
// remembers goes to another row.
const rowMemory = 4096

// maxRows bounds the rows of one stream; what fits none is left out and counted.
const maxRows = 64

type interval struct{ start, end int64 }

// row is a line of spans without overlap.
type row struct {
	spans []interval // by start
	floor int64      // the end of what was forgotten
}

// put takes the span if it overlaps none on the row.
func (r *row) put(start, end int64) bool {
	if start < r.floor {
		return false
	}
	at := len(r.spans)
	if at > 0 && r.spans[at-1].start > start { // in order, as nearly always, the search is spared
		at = sort.Search(at, func(i int) bool { return r.spans[i].start > start })
	}
	if at > 0 && r.spans[at-1].end+gap > start {
		return false
	}
	if at < len(r.spans) && r.spans[at].start < end+gap {
		return false
	}
	r.insert(at, interval{start, end})
	return true
}

func (r *row) insert(at int, span interval) {
	r.spans = append(r.spans, interval{})
	copy(r.spans[at+1:], r.spans[at:])
	r.spans[at] = span
	if len(r.spans) >= 2*rowMemory {
		r.floor = r.spans[len(r.spans)-rowMemory-1].end
		kept := copy(r.spans, r.spans[len(r.spans)-rowMemory:])
		r.spans = r.spans[:kept]
	}
}

// rows are the lines of one stream.
type rows []row

// put finds the row for a span, a new one if need be. It is -1 when there are too many.
func (rs *rows) put(start, end int64) int {
	for i := range *rs {
		if (*rs)[i].put(start, end) {
			return i
		}
	}
	if len(*rs) == maxRows {
		return -1
	}
	*rs = append(*rs, row{})
	(*rs)[len(*rs)-1].put(start, end)
	return len(*rs) - 1
}
