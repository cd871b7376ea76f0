package chrome

import (
	"slices"
	"sort"
)

// lane is a row of spans that come in no order and may enclose each other, such as the calls that a thread made.
type lane struct {
	spans []nested // by start; none touches another
	floor int64    // the end of what was forgotten
}

// nested is a span with what it encloses.
type nested struct {
	interval
	inner []nested
}

// put takes the span if that lets it overlap no other in part, moved by as little as that takes, but by slack at most, and within
// the bounds. It returns where the span is.
func (l *lane) put(want, bounds interval, slack int64) (interval, bool) {
	bounds.start = max(bounds.start, l.floor+gap, want.start-slack)
	bounds.end = min(bounds.end, want.end+slack)
	got, ok := putIn(&l.spans, want, bounds)
	if ok && len(l.spans) >= 2*rowMemory {
		l.floor = l.spans[len(l.spans)-rowMemory-1].end
		l.spans = slices.Clone(l.spans[len(l.spans)-rowMemory:])
	}
	if !ok || absolute(got.start-want.start) > slack || absolute(got.end-want.end) > slack {
		return want, false
	}
	return got, true
}

func putIn(list *[]nested, a, bounds interval) (interval, bool) {
	spans := *list
	a.start = max(a.start, bounds.start)
	a.end = min(max(a.end, a.start+gap), bounds.end)
	from := len(spans)
	if from > 0 && spans[from-1].start > a.start { // in order, as nearly always, the search is spared
		from = sort.Search(from, func(i int) bool { return spans[i].start > a.start })
	}
	if from > 0 && spans[from-1].end >= a.start {
		switch last := &spans[from-1]; {
		case a.end <= last.end:
			inside := interval{max(bounds.start, last.start+gap), min(bounds.end, last.end-gap)}
			return putIn(&last.inner, a, inside)
		case a.start == last.start: // a encloses it
			from--
			a.start -= gap
		default:
			a.start = last.end + gap
		}
	}
	to := from
	for ; to < len(spans) && spans[to].start <= a.end; to++ {
		if spans[to].end > a.end { // in part
			a.end = spans[to].start - gap
			break
		}
		a.end = max(a.end, spans[to].end+gap)
	}
	if a.start < bounds.start || a.end > bounds.end || a.end < a.start+gap ||
		from > 0 && spans[from-1].end >= a.start || to > from && (spans[from].start <= a.start || spans[to-1].end >= a.end) ||
		to < len(spans) && spans[to].start <= a.end {
		return a, false
	}
	n := nested{interval: a}
	if to > from {
		n.inner = slices.Clone(spans[from:to])
	}
	*list = slices.Replace(spans, from, to, n)
	return a, true
}
