package recording

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
	"unsafe"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// batch collects events and hands them on. Its memory is used again for each batch; arguments and texts live in arenas
// that never move while a batch refers to them.
type batch struct {
	b     Batch
	limit int
	args  []Arg
	text  []byte
	sent  int
	emit  func(*Batch) error
	err   error
}

func newBatch(limit int) *batch {
	return &batch{
		b: Batch{Events: make([]Event, 0, limit)}, limit: limit,
		args: make([]Arg, 0, 2*limit), text: make([]byte, 0, 4*limit+2*segment.MaxArgs),
	}
}

// begin makes the batch ready for the events of one process, which flush ends.
func (b *batch) begin(p *Process, emit func(*Batch) error) { b.b.Process, b.emit, b.sent = p, emit, 0 }

// next is a zero event at the end of the batch, with room for the arguments in raw.
func (b *batch) next(raw int) *Event {
	if len(b.b.Events) == b.limit || cap(b.args)-len(b.args) < raw/segment.ArgBytes || cap(b.text)-len(b.text) < 3*raw {
		b.flush()
		b.need(raw)
	}
	b.b.Events = b.b.Events[:len(b.b.Events)+1]
	return &b.b.Events[len(b.b.Events)-1]
}

// need makes the empty arenas large enough for one event's arguments. A byte of text may become three.
func (b *batch) need(raw int) {
	if cap(b.args) < raw/segment.ArgBytes {
		b.args = make([]Arg, 0, raw/segment.ArgBytes)
	}
	if cap(b.text) < 3*raw {
		b.text = make([]byte, 0, 3*raw)
	}
}

// flush hands the events on. After an error nothing is handed on any more.
func (b *batch) flush() {
	if n := len(b.b.Events); n > 0 && b.err == nil {
		b.sent += n
		b.err = b.emit(&b.b)
	}
	b.b.Events, b.args, b.text = b.b.Events[:0], b.args[:0], b.text[:0]
}

// decode turns encoded arguments into b's memory. It stops at what it does not understand and reports that.
func (b *batch) decode(p *process, raw []byte) (args []Arg, ok bool) {
	from := len(b.args)
	for len(raw) >= segment.ArgBytes {
		w := binary.LittleEndian.Uint64(raw)
		v := binary.LittleEndian.Uint64(raw[8:])
		raw = raw[segment.ArgBytes:]
		a := Arg{Key: p.name(uint32(w >> 32)), Type: trace.Type(w)}
		switch a.Type {
		case trace.TypeInt:
			a.Int = int64(v)
		case trace.TypeBool:
			a.Int = int64(v & 1)
		case trace.TypeFloat:
			a.Float = math.Float64frombits(v)
		case trace.TypeName:
			a.Text = p.name(uint32(v)).Text
		case trace.TypeShapes:
			a.Text = p.name(uint32(v)).Text
			if !p.isShapes(uint32(v)) {
				a.Type = trace.TypeName
			}
		case trace.TypeString:
			n := (v + 7) &^ 7
			if v > uint64(len(raw)) || n > uint64(len(raw)) {
				return b.args[from:len(b.args):len(b.args)], false
			}
			a.Text = b.keep(raw[:v])
			raw = raw[n:]
		default:
			return b.args[from:len(b.args):len(b.args)], false
		}
		b.args = append(b.args, a)
	}
	return b.args[from:len(b.args):len(b.args)], len(raw) == 0
}

// keep copies text into the arena. What is no UTF-8 becomes U+FFFD, so that every backend can write it.
func (b *batch) keep(s []byte) string {
	if len(s) == 0 {
		return ""
	}
	from := len(b.text)
	if utf8.Valid(s) {
		b.text = append(b.text, s...)
	} else {
		for len(s) > 0 {
			r, n := utf8.DecodeRune(s)
			b.text = utf8.AppendRune(b.text, r)
			s = s[n:]
		}
	}
	kept := b.text[from:]
	return unsafe.String(&kept[0], len(kept))
}
