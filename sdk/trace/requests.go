package trace

import "slices"

// requests knows the request of a track, now and at the begin of each span that is still open.
type requests struct {
	current string
	marks   []requestMark // by from
}

// requestMark: spans from a sequence number on belong to a request.
type requestMark struct {
	from uint64
	id   string
}

// set makes id the request of all spans after last. open are the spans that are still open.
func (r *requests) set(id string, last uint64, open []openSpan) {
	if id == r.current {
		return
	}
	r.current = id
	if len(open) == 0 {
		r.marks = r.marks[:0]
	} else if len(r.marks) >= 2*len(open)+8 {
		r.prune(open)
	}
	if n := len(r.marks); n > 0 && r.marks[n-1].from == last+1 {
		r.marks = r.marks[:n-1]
	}
	r.marks = append(r.marks, requestMark{last + 1, id})
}

// prune keeps the marks that an open span needs.
func (r *requests) prune(open []openSpan) {
	var kept []requestMark
	for i := range open {
		j := r.find(open[i].seq)
		if j >= 0 && (len(kept) == 0 || kept[len(kept)-1] != r.marks[j]) {
			kept = append(kept, r.marks[j])
		}
	}
	r.marks = kept
}

// find is the index of the mark that holds for a span, -1 for none.
func (r *requests) find(seq uint64) int {
	i, found := slices.BinarySearchFunc(r.marks, seq, func(m requestMark, seq uint64) int {
		switch {
		case m.from < seq:
			return -1
		case m.from > seq:
			return 1
		}
		return 0
	})
	if found {
		return i
	}
	return i - 1
}

// of is the request that a span began under.
func (r *requests) of(seq uint64) string {
	if i := r.find(seq); i >= 0 {
		return r.marks[i].id
	}
	return ""
}
