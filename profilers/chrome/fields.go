package chrome

import (
	"strconv"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// field is what an argument of device work, or of a call, means to Kineto.
type field uint8

const (
	noField field = iota
	fieldGrid
	fieldBlock
	fieldRegisters
	fieldStatic
	fieldDynamic
	fieldBytes
	fieldCall
	fieldFromDevice
	fieldFromContext
	fieldToDevice
	fieldToContext
	fieldCount
)

// fieldNames are the keys by which sdk/cuda records them.
var fieldNames = map[string]field{
	"grid": fieldGrid, "block": fieldBlock, "registers per thread": fieldRegisters, "static shared memory": fieldStatic,
	"dynamic shared memory": fieldDynamic, "bytes": fieldBytes, "cbid": fieldCall, "source device": fieldFromDevice,
	"source context": fieldFromContext, "destination device": fieldToDevice, "destination context": fieldToContext,
}

// fields are the arguments of one piece of work that Kineto knows.
type fields struct {
	set   uint32
	ints  [fieldCount]int64
	texts [fieldBlock + 1]string
}

func (f *fields) has(i field) bool { return f.set&(1<<i) != 0 }

// fields reads an event's arguments. They are the sink's until the next call.
func (s *sink) fields(event *name, e *recording.Event) *fields {
	f := &s.read
	*f = fields{}
	for i := range e.Args {
		a := &e.Args[i]
		switch k := s.names.arg(event, i, a.Key).field; {
		case k == noField:
		case k <= fieldBlock:
			if a.Type == trace.TypeShapes && len(a.Text) > 4 {
				f.texts[k] = a.Text
				f.set |= 1 << k
			}
		case a.Type == trace.TypeInt:
			f.ints[k] = a.Int
			f.set |= 1 << k
		}
	}
	return f
}

// workArgs adds the request, and the recorded arguments that Kineto has no other place for.
func (s *sink) workArgs(b []byte, p *process, t *track, e *recording.Event, event *name) []byte {
	if e.Request != "" {
		b = append(append(b, t.requestID(e.Request)...), ',')
	}
	for i := range e.Args {
		n := s.names.arg(event, i, e.Args[i].Key)
		if n.field != noField || n.role == rolePlace || n.role == roleOperator || n.role == roleRequest && e.Request != "" {
			continue
		}
		b = append(appendArg(b, n, &e.Args[i]), ',')
	}
	return b
}

// appendVector adds three numbers, recorded as a list of one shape.
func appendVector(b []byte, shapes string) []byte {
	if shapes[1] == '[' && shapes[len(shapes)-2] == ']' {
		shapes = shapes[1 : len(shapes)-1]
	}
	return append(b, shapes...)
}

// product multiplies the numbers of a text.
func product(shapes string) float64 {
	all, n := 1.0, 0.0
	digits := false
	for _, c := range []byte(shapes) {
		if c >= '0' && c <= '9' {
			n, digits = 10*n+float64(c-'0'), true
		} else if digits {
			all, n, digits = all*n, 0, false
		}
	}
	return all
}

// appendShort adds a number with the digits that a float32 has.
func appendShort(b []byte, v float64) []byte { return strconv.AppendFloat(b, v, 'f', -1, 32) }
