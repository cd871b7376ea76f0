package perfetto

import (
	"cmp"
	"math"
	"os"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// This is a reader of the format of its own, so that what was written is read as Perfetto does: packets by time, of one time in
// the order of the file, and spans by their begins and ends.

// slice is a span or instant as Perfetto shows it.
type slice struct {
	Track      string // "process/thread" or the names of what is around it
	Name, Cat  string
	Start, End int64
	Depth      int
	Args       map[string]any
	Out, In    []uint64 // arrows
}

type traceFile struct {
	slices   []slice // by begin
	counters map[string][]float64
	labels   map[string][]string
	problems []string
}

// fields hands out a message's fields.
func fields(t *testing.T, b []byte, each func(n protowire.Number, v uint64, text []byte)) {
	t.Helper()
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			t.Fatal(protowire.ParseError(size))
		}
		b = b[size:]
		var v uint64
		var text []byte
		switch kind {
		case protowire.VarintType:
			v, size = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			v, size = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			text, size = protowire.ConsumeBytes(b)
		default:
			t.Fatalf("field %d of type %d", n, kind)
		}
		if size < 0 {
			t.Fatal(protowire.ParseError(size))
		}
		b = b[size:]
		each(n, v, text)
	}
}

type place struct {
	name    string
	parent  uint64
	counter bool
	device  bool
}

type packet struct {
	at    int64
	kind  uint64
	track uint64
	slice slice
	value float64
}

type decoder struct {
	t        *testing.T
	places   map[uint64]place
	interned map[protowire.Number]map[uint64]string
	packets  []packet
	file     traceFile
}

func decode(t *testing.T, path string) traceFile {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := decoder{t: t, places: map[uint64]place{}, interned: map[protowire.Number]map[uint64]string{}}
	d.file.counters, d.file.labels = map[string][]float64{}, map[string][]string{}
	first := true
	fields(t, b, func(_ protowire.Number, _ uint64, text []byte) {
		d.packet(text, first)
		first = false
	})
	d.play()
	return d.file
}

func (d *decoder) packet(b []byte, first bool) {
	p, event, flags, seq := packet{}, []byte(nil), uint64(0), uint64(0)
	fields(d.t, b, func(n protowire.Number, v uint64, text []byte) {
		switch n {
		case packetTimestamp:
			p.at = int64(v)
		case packetSequence:
			seq = v
		case packetFlags:
			flags = v
		case packetEvent:
			event = text
		case packetTrack:
			d.describe(text)
		case packetInterned:
			fields(d.t, text, func(list protowire.Number, _ uint64, entry []byte) {
				iid, name := uint64(0), ""
				fields(d.t, entry, func(n protowire.Number, v uint64, text []byte) {
					if n == 1 {
						iid = v
					} else {
						name = string(text)
					}
				})
				if d.interned[list] == nil {
					d.interned[list] = map[uint64]string{}
				}
				d.interned[list][iid] = name
			})
		}
	})
	if seq != 1 || first != (flags&flagCleared != 0) {
		d.t.Fatalf("packet of sequence %d with flags %d", seq, flags)
	}
	if event != nil {
		d.event(&p, event)
		d.packets = append(d.packets, p)
	}
}

func (d *decoder) describe(b []byte) {
	uuid, p, labels := uint64(0), place{}, []string(nil)
	fields(d.t, b, func(n protowire.Number, v uint64, text []byte) {
		switch n {
		case 1:
			uuid = v
		case 2:
			p.name, p.device = string(text), true
		case 5:
			p.parent = v
		case trackProcess, trackThread:
			fields(d.t, text, func(m protowire.Number, _ uint64, text []byte) {
				switch {
				case n == trackProcess && m == 6, n == trackThread && m == 5:
					p.name = string(text)
				case n == trackProcess && m == 8:
					labels = append(labels, string(text))
				}
			})
		case trackCounter:
			p.counter = true
		}
	})
	d.places[uuid] = p
	d.file.labels[p.name] = append(d.file.labels[p.name], labels...)
}

func (d *decoder) event(p *packet, b []byte) {
	s := &p.slice
	s.Args = map[string]any{}
	fields(d.t, b, func(n protowire.Number, v uint64, text []byte) {
		switch n {
		case eventType:
			p.kind = v
		case eventTrack:
			p.track = v
		case eventName:
			s.Name = d.interned[internedName][v]
		case eventCategory:
			s.Cat = d.interned[internedCategory][v]
		case eventCount:
			p.value = math.Float64frombits(v)
		case eventFlow:
			s.Out = append(s.Out, v)
		case eventFlowsEnd:
			s.In = append(s.In, v)
		case eventAnnotation:
			key, value := "", any(nil)
			fields(d.t, text, func(n protowire.Number, v uint64, text []byte) {
				switch n {
				case 1:
					key = d.interned[internedKey][v]
				case 2:
					value = v != 0
				case 4:
					value = int64(v)
				case 5:
					value = math.Float64frombits(v)
				case 6:
					value = string(text)
				}
			})
			s.Args[key] = value
		}
	})
}

// play opens and closes the slices.
func (d *decoder) play() {
	slices.SortStableFunc(d.packets, func(a, b packet) int { return cmp.Compare(a.at, b.at) })
	open := map[uint64][]int{}
	for i := range d.packets {
		p := &d.packets[i]
		on, ok := d.places[p.track]
		if !ok {
			d.t.Fatalf("an event on track %d, which is not described", p.track)
		}
		stack := open[p.track]
		switch p.kind {
		case typeBegin, typeInstant:
			p.slice.Track, p.slice.Start, p.slice.End, p.slice.Depth = d.places[on.parent].name+"/"+on.name, p.at, p.at, len(stack)
			d.file.slices = append(d.file.slices, p.slice)
			if p.kind == typeBegin {
				open[p.track] = append(stack, len(d.file.slices)-1)
			}
		case typeEnd:
			if len(stack) == 0 {
				d.file.problems = append(d.file.problems, "an end without a begin on "+on.name)
				continue
			}
			d.file.slices[stack[len(stack)-1]].End = p.at
			open[p.track] = stack[:len(stack)-1]
		case typeCounter:
			d.file.counters[on.name] = append(d.file.counters[on.name], p.value)
		}
	}
	for track, stack := range open {
		if len(stack) > 0 {
			d.file.problems = append(d.file.problems, "spans without an end on "+d.places[track].name)
		}
	}
}
