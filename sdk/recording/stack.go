package recording

import "github.com/strobe-dev/strobe/sdk/internal/segment"

// span is a span on the stack.
type span struct {
	seq, begin, end uint64
	at              int64 // offset of its record in the active source, -1 when it is in one before
	name            uint32
	depth           uint8
	sure            bool   // the end was known before this round's records were read
	kept            bool   // the filter lets it pass, unless it is too short
	args            []byte // encoded, of begin and end
	request         string
	taken           int // bytes that are accounted for, used again by the next span at this place
}

// readEnds looks at the spans that were open.
func (t *track) readEnds(s *source) {
	for i := range t.stack {
		sp := &t.stack[i]
		if sp.end == 0 && sp.at >= 0 {
			sp.end = t.endAt(s, sp.at)
		}
		sp.sure = sp.end != 0 && sp.end <= t.proc.limit
	}
}

// leave goes away from a frozen segment. It takes the ends that were stored there after this round's look at them, those
// beyond what can be converted yet among them: they are nowhere else.
func (t *track) leave(s *source) {
	t.at = cursor{}
	for i := range t.stack {
		sp := &t.stack[i]
		if sp.end == 0 && sp.at >= 0 {
			sp.end = s.word(sp.at + 16)
		}
		sp.at = -1
	}
}

// endAt reads a span's end; 0 when it is open, or beyond what can be converted yet.
func (t *track) endAt(s *source, at int64) uint64 {
	if e := s.word(at + 16); e <= t.proc.limit {
		return e
	}
	return 0
}

// push makes room on the stack for a span with so many bytes of arguments; nil when there is no memory for it.
func (t *track) push(args int) *span {
	n := len(t.stack)
	if n < cap(t.stack) {
		t.stack = t.stack[:n+1]
	} else {
		t.stack = append(t.stack, span{})
	}
	if sp := &t.stack[n]; t.keep(sp, args) {
		return sp
	}
	t.stack = t.stack[:n]
	return nil
}

// keep accounts for a span on the stack with so many bytes of arguments.
func (t *track) keep(sp *span, args int) bool {
	need := spanCost + 2*args + len(t.request)
	if need <= sp.taken {
		return true
	}
	if !t.proc.follow.take(need - sp.taken) {
		return false
	}
	sp.taken = need
	return true
}

// carried handles the record of a span that was open when segments were swapped. It reports false when the span's first
// record was never seen: then this is it.
func (t *track) carried(seq, end uint64, rec []byte, off int64) bool {
	for i := len(t.stack) - 1; i >= 0; i-- {
		sp := &t.stack[i]
		if sp.seq != seq {
			continue
		}
		if sp.end == 0 {
			sp.at, sp.end = off, end
			if args := rec[segment.SpanBytes:]; t.keep(sp, len(args)) {
				sp.args = append(sp.args[:0], args...)
			} else {
				t.proc.corrupt++
			}
		}
		return true
	}
	return seq <= t.lastSeq // delivered already: closed beats open
}

// pop delivers the spans that a record of the given depth shows to be over.
func (t *track) pop(depth uint8, ticks uint64) {
	for n := len(t.stack); n > 0 && t.stack[n-1].depth >= depth; n-- {
		sp := &t.stack[n-1]
		open := false
		if sp.end == 0 && sp.at >= 0 {
			sp.end = t.endAt(t.proc.sources[t.proc.active], sp.at)
		}
		if sp.end == 0 { // never ended, by a fault of the writer or of the file
			sp.end, open = max(ticks, sp.begin), true
		}
		t.stack = t.stack[:n-1]
		t.deliver(sp, sp.args, open)
	}
}

// settle delivers the innermost spans that are surely over, when all that is readable has been read. It reports whether
// the next round can deliver one more.
func (t *track) settle() (more bool) {
	for n := len(t.stack); n > 0; n-- {
		sp := &t.stack[n-1]
		if !sp.sure {
			return sp.end != 0 && sp.end <= t.proc.limit
		}
		t.stack = t.stack[:n-1]
		t.deliver(sp, sp.args, false)
	}
	return false
}

// finish delivers what is left: nothing will be added any more.
func (t *track) finish(last uint64) {
	for n := len(t.stack); n > 0; n-- {
		sp := &t.stack[n-1]
		open := sp.end == 0
		if open {
			sp.end = last
		}
		t.stack = t.stack[:n-1]
		t.deliver(sp, sp.args, open)
	}
}
