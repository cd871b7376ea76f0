package chrome

// An arrow whose other end is missing is an error to viewers, so an arrow is written when both of its ends are known.

// pairsKept is how many ends wait for their other end in each of two generations; the older generation is forgotten when the
// younger one is full. Most runtime calls cause no device work, so waiting ends are the normal case there.
const pairsKept = 1 << 15

// end is one end of an arrow.
type end struct {
	place []byte // "pid":…,"tid":…,"ts": of the row that it is on
	ts    int64  // ns since the trace's base
	out   bool   // the arrow leaves here
}

// pairs joins the two ends of arrows by a number that both carry.
type pairs struct {
	young, old map[uint64]end
	lost       uint64 // ends forgotten without their other
}

// peek is the waiting end, if there is one.
func (p *pairs) peek(key uint64) (end, bool) {
	if e, ok := p.young[key]; ok {
		return e, true
	}
	e, ok := p.old[key]
	return e, ok
}

// match gives the other end when it waits and forgets it; otherwise e waits. Of two ends of one direction the later stays.
func (p *pairs) match(key uint64, e end) (end, bool) {
	other, ok := p.peek(key)
	if ok && other.out != e.out {
		delete(p.young, key)
		delete(p.old, key)
		return other, true
	}
	if p.young == nil || len(p.young) >= pairsKept {
		p.lost += uint64(len(p.old))
		p.young, p.old = make(map[uint64]end, 64), p.young
	}
	p.young[key] = e
	return end{}, false
}

// waiting is how many ends have no other so far.
func (p *pairs) waiting() uint64 { return p.lost + uint64(len(p.young)+len(p.old)) }
