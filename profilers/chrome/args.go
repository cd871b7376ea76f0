package chrome

import (
	"strconv"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// inputArgs adds an operator's inputs, each with a comma behind it.
func (s *sink) inputArgs(b []byte, event *name, args []recording.Arg) []byte {
	for i := range args {
		if n := s.names.arg(event, i, args[i].Key); n.role == roleInput {
			b = append(appendArg(b, n, &args[i]), ',')
		}
	}
	return b
}

// spanArgs adds a span's arguments: Kineto's in Kineto's order, then the request, then the recorded ones.
func (s *sink) spanArgs(b []byte, p *process, t *track, e *recording.Event, n *name, m *memo) []byte {
	start := len(b)
	if n.category == trace.CategoryOperator {
		id := p.operatorID(t, e.Seq)
		b = strconv.AppendInt(append(b, `"External id":`...), id, 10)
		b = strconv.AppendInt(append(b, `,"Record function id":0,"Ev Idx":`...), id-1, 10)
		b = append(b, ',')
		if m != nil {
			b = append(b, m.inputs...)
		} else {
			b = s.inputArgs(b, n, e.Args)
		}
	}
	if e.Request != "" {
		b = append(append(b, t.requestID(e.Request)...), ',')
	}
	if m != nil {
		b = append(b, m.rest...)
	} else {
		b = s.recordedArgs(b, p, t, e, n)
	}
	if e.Open {
		b = append(b, `"open":true,`...)
	}
	return trimComma(b, start)
}

// otherArgs adds the request and the recorded arguments of what is no span of the CPU.
func (s *sink) otherArgs(b []byte, p *process, t *track, e *recording.Event, n *name) []byte {
	start := len(b)
	if e.Request != "" {
		b = append(append(b, t.requestID(e.Request)...), ',')
	}
	b = s.recordedArgs(b, p, t, e, n)
	if e.Open {
		b = append(b, `"open":true,`...)
	}
	return trimComma(b, start)
}

// recordedArgs adds what the recording says of the event, each with a comma behind it. Keys that the trace gives a meaning of its
// own are not taken from the recording.
func (s *sink) recordedArgs(b []byte, p *process, t *track, e *recording.Event, event *name) []byte {
	for i := range e.Args {
		arg := &e.Args[i]
		n := s.names.arg(event, i, arg.Key)
		switch n.role {
		case roleRequest:
			if e.Request != "" {
				continue
			}
		case roleOpen:
			if e.Open {
				continue
			}
		case roleOperator, roleInput:
			if e.Kind == recording.Span && event.category == trace.CategoryOperator {
				continue
			}
		case rolePlace:
			if t.device != nil {
				continue
			}
		}
		b = append(appendArg(b, n, arg), ',')
	}
	return b
}

// appendArg adds "key":value.
func appendArg(b []byte, n *name, a *recording.Arg) []byte {
	b = append(b, n.key...)
	switch a.Type {
	case trace.TypeInt:
		return strconv.AppendInt(b, a.Int, 10)
	case trace.TypeFloat:
		return appendFloat(b, a.Float)
	case trace.TypeBool:
		return strconv.AppendBool(b, a.Int != 0)
	case trace.TypeShapes:
		return appendShapes(b, a.Text)
	}
	return appendString(b, a.Text)
}

// appendShapes adds a list of shapes, which is JSON already.
func appendShapes(b []byte, text string) []byte {
	if text == "" {
		return append(b, "[]"...)
	}
	return append(b, text...)
}

// trimComma takes back the last separator of a list that began at open.
func trimComma(b []byte, open int) []byte {
	if len(b) > open && b[len(b)-1] == ',' {
		return b[:len(b)-1]
	}
	return b
}
