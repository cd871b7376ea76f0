package chrome

const (
	// keptLeast and keptMost are how many spans of a track are kept, a power of two.
	keptLeast = 1 << 10
	keptMost  = 1 << 16
	// missing is how many numbers without a span are passed over in a search.
	missing = 1 << 10
)

// kept is what is remembered of a track's spans as they were written, to put calls between them that come later. Numbers are
// given by begin, so the places are in the order of the numbers.
type kept struct {
	spans []keptSpan // by number, modulo
	last  uint64     // the highest number
}

type keptSpan struct {
	interval
	seq, parent uint64
}

// keep remembers a span that was written.
func (k *kept) keep(seq, parent uint64, at interval) {
	if seq == 0 {
		return
	}
	for seq > uint64(len(k.spans)) && len(k.spans) < keptMost {
		k.grow()
	}
	k.last = max(k.last, seq)
	if s := &k.spans[seq%uint64(len(k.spans))]; seq >= s.seq {
		*s = keptSpan{at, seq, parent}
	}
}

func (k *kept) grow() {
	old := k.spans
	k.spans = make([]keptSpan, max(keptLeast, 2*len(old)))
	for _, s := range old {
		if s.seq == 0 {
			continue
		}
		k.spans[s.seq%uint64(len(k.spans))] = s
	}
}

// get is the span with that number; nil when it is not kept.
func (k *kept) get(seq uint64) *keptSpan {
	if seq == 0 || len(k.spans) == 0 {
		return nil
	}
	if s := &k.spans[seq%uint64(len(k.spans))]; s.seq == seq {
		return s
	}
	return nil
}

// free is the room around a moment that the spans within span number seq leave, or the room after the one that holds the moment.
// It is false when that is not known.
func (k *kept) free(seq uint64, moment int64) (interval, bool) {
	around := k.get(seq)
	if around == nil {
		return interval{}, false
	}
	room := interval{around.start + gap, around.end - gap}
	moment = min(max(moment, room.start), room.end)
	for range 8 { // twice is enough, unless the recording is damaged
		before, next, ok := k.search(seq, moment)
		if !ok {
			return interval{}, false
		}
		if next != nil && next.start <= around.end {
			room.end = next.start - gap
		} else {
			room.end = around.end - gap
		}
		if before == around {
			return room, true
		}
		for before.parent != seq { // the one right below
			of := before.seq
			if before = k.get(before.parent); before == nil || before.seq <= seq || before.seq >= of {
				return interval{}, false
			}
		}
		room.start = before.end + gap
		if room.start <= moment {
			return room, true
		}
		moment = room.start // it was inside
	}
	return interval{}, false
}

// search finds the last span that begins by a moment, among those from number seq on, and the one after it; nil when there is none.
func (k *kept) search(seq uint64, moment int64) (before, next *keptSpan, ok bool) {
	before = k.get(seq)
	low, high := seq, k.last+1 // what is between is not decided
	for high-low > 1 {
		middle := low + (high-low)/2
		s, ok := k.some(middle, low)
		switch {
		case !ok:
			return nil, nil, false
		case s == nil:
			low = middle
		case s.start <= moment:
			before, low = s, middle
		default:
			next, high = s, s.seq
		}
	}
	return before, next, true
}

// some is the span of the highest number up to n and above low; nil for none. It is false when that would take too long.
func (k *kept) some(n, low uint64) (*keptSpan, bool) {
	for i := n; i > low; i-- {
		if n-i == missing {
			return nil, false
		}
		if s := k.get(i); s != nil {
			return s, true
		}
	}
	return nil, true
}
