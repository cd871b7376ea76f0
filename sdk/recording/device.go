package recording

import (
	"encoding/binary"
	"slices"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Work is what a span on a track of device work, or of calls, is about.
type Work struct {
	Kind        trace.WorkKind
	Correlation uint64 // the same for a call and for what it launched, unique in the process; 0 for none
	// The span that enclosed the call: its track and its number there. Nil and 0 when there was none, or it is not known.
	Track    *Track
	External uint64
}

// Fact is what holds for a process, or for one of its devices, contexts or streams.
type Fact struct {
	Name *Name
	ID   uint64 // which of the things that the name denotes; 0 when there is one
	Args []Arg
}

// work takes a device span. It reports false for one that cannot be converted yet.
func (t *track) work(h segment.Head, rec []byte) bool {
	le := binary.LittleEndian
	p := t.proc
	begin, end, seq := le.Uint64(rec[8:]), le.Uint64(rec[16:]), le.Uint64(rec[24:])
	if max(begin, end) > p.limit {
		return false
	}
	if seq <= t.lastSeq && h.Again() {
		return true
	}
	if seq <= t.lastSeq || end < begin || !t.pub.Device && !t.pub.Calls {
		p.corrupt++
		return true
	}
	t.lastSeq = seq
	start, finish := p.clock.unix(begin), p.clock.unix(end)
	if finish < p.follow.options.Since {
		return true
	}
	p.latest = max(p.latest, end)
	if !t.wants(segment.KindDeviceSpan, h.Name(), 0, t.request) || finish-start < int64(p.follow.filter.MinDuration) {
		p.filtered++
		return true
	}
	args := rec[segment.DeviceSpanBytes:]
	e := p.out.next(len(args))
	*e = Event{
		Kind: Span, Track: t.pub, Name: p.name(h.Name()), Start: start, End: finish, Seq: seq, Request: t.request,
		Work: Work{Kind: trace.WorkKind(min(le.Uint32(rec[52:]), 255)), Correlation: le.Uint64(rec[32:])},
	}
	if span := le.Uint64(rec[40:]); span != 0 {
		if of := p.track(le.Uint32(rec[48:])); of != nil {
			e.Work.Track, e.Work.External = of.pub, span
		}
	}
	t.decode(e, args)
	p.events++
	return true
}

// fact takes a fact. Its names are defined before it, else they stay unknown. What there is no memory for is counted as corrupt.
func (p *process) fact(h segment.Head, rec []byte) {
	args := rec[segment.FactBytes:]
	f := Fact{Name: p.name(h.Name()), ID: binary.LittleEndian.Uint64(rec[8:])}
	key := factKey{f.Name, f.ID}
	i, known := p.facts[key]
	if !known && len(p.pub.Facts) >= segment.MaxFacts || !p.follow.take(nameCost+6*len(args)) {
		p.corrupt++
		return
	}
	own := &batch{} // memory that stays
	own.need(len(args))
	decoded, ok := own.decode(p, args)
	if !ok {
		p.corrupt++
	}
	f.Args = decoded
	if known {
		p.pub.Facts[i] = f
		return
	}
	if p.facts == nil {
		p.facts = map[factKey]int{}
	}
	p.facts[key] = len(p.pub.Facts)
	p.pub.Facts = append(p.pub.Facts, f)
}

// factKey is what a later fact replaces an earlier one by.
type factKey struct {
	name *Name
	id   uint64
}

// Fact is the process's fact of that name and number; nil when it has none.
func (p *Process) Fact(name string, id uint64) *Fact {
	i := slices.IndexFunc(p.Facts, func(f Fact) bool { return f.ID == id && f.Name.Text == name })
	if i < 0 {
		return nil
	}
	return &p.Facts[i]
}

// Arg is the fact's argument with that key; the zero Arg, whose Type is 0, when there is none.
func (f *Fact) Arg(key string) Arg {
	if f != nil {
		for _, a := range f.Args {
			if a.Key.Text == key {
				return a
			}
		}
	}
	return Arg{}
}
