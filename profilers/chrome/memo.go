package chrome

import (
	"slices"
	"strings"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

const (
	// memosPerName bounds what is kept for a name: a name with more lists of arguments than this has ever new ones.
	memosPerName = 64
	// memosAll bounds what is kept for all names.
	memosAll = 1 << 13
)

// memo is a span's name with one list of arguments, and what is written for them. A network runs the same operators on the same
// shapes step after step, so the next span mostly is what came after this one before.
type memo struct {
	recorded *recording.Name
	name     *name
	args     []recording.Arg
	inputs   []byte // the arguments that go with an operator's ids, each with a comma behind it
	rest     []byte // the others
	next     *memo  // what came after it last on a track
}

// is says whether the event is one that the memo was made for.
func (m *memo) is(e *recording.Event) bool {
	if m.recorded != e.Name || len(m.args) != len(e.Args) {
		return false
	}
	for i := range m.args {
		a, b := &m.args[i], &e.Args[i]
		if a.Key != b.Key || a.Type != b.Type || a.Int != b.Int || a.Text != b.Text {
			return false
		}
	}
	return true
}

// recall finds or makes the memo of a span on a track of the CPU. It is nil when the span's arguments are not worth one.
func (s *sink) recall(p *process, t *track, e *recording.Event) *memo {
	if t.memo != nil {
		if m := t.memo.next; m != nil && m.is(e) {
			t.memo = m
			return m
		}
	}
	n := s.names.get(e.Name)
	i := slices.IndexFunc(n.memos, func(m *memo) bool { return m.is(e) })
	if i < 0 {
		if len(n.memos) == memosPerName || s.memos == memosAll || !s.lasting(n, e.Args) {
			return nil
		}
		i = len(n.memos)
		n.memos = append(n.memos, s.memorize(p, t, e, n))
		s.memos++
	}
	m := n.memos[i]
	if t.memo != nil {
		t.memo.next = m
	}
	t.memo = m
	return m
}

// lasting says whether what is written for the arguments depends on them alone, and may come again.
func (s *sink) lasting(n *name, args []recording.Arg) bool {
	for i := range args {
		switch s.names.arg(n, i, args[i].Key).role {
		case roleRequest, roleOpen:
			return false
		}
		if args[i].Type == trace.TypeFloat || args[i].Type == trace.TypeString {
			return false
		}
	}
	return true
}

func (s *sink) memorize(p *process, t *track, e *recording.Event, n *name) *memo {
	m := &memo{recorded: e.Name, name: n, args: slices.Clone(e.Args)}
	for i := range m.args {
		m.args[i].Text = strings.Clone(m.args[i].Text)
	}
	if n.category == trace.CategoryOperator {
		m.inputs = s.inputArgs(nil, n, m.args)
	}
	m.rest = s.recordedArgs(nil, p, t, &recording.Event{Kind: recording.Span, Args: m.args}, n)
	return m
}
