package recording

import (
	"slices"
	"strings"
	"time"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Filter says which events a reader delivers; what it leaves out is counted in [Summary].Filtered and is no loss. The
// zero value leaves nothing out. Each field that is set has to let an event pass:
//
//   - A span passes by its own name, request and length. Depth and Parent are those among the spans that pass.
//   - A span or an instant whose name has no category passes with the span that encloses it, and by itself at the top of
//     its track; so does the tail or the tip of a flow.
//   - A counter passes by its category alone: it is about the process, not about a request.
//   - Work of a device passes like a span. It belongs to the request of the call that launched it.
//   - A span that is still open has no length yet, and passes.
type Filter struct {
	// Requests keeps what belongs to these requests, and counters; empty: all.
	Requests []string
	// Categories keeps what has a name of these. [trace.CategoryCounter] keeps counters without a category, too.
	Categories trace.Categories
	// MinDuration leaves out spans that took less.
	MinDuration time.Duration
	// Stages and Ranks keep only these of a model's processes: indices of stages, and of ranks within each stage; empty:
	// all. Core and profilers that measure stay.
	Stages, Ranks []int
}

// IsZero tells whether the filter leaves nothing out.
func (f *Filter) IsZero() bool {
	return len(f.Requests) == 0 && f.Categories == 0 && f.MinDuration <= 0 && len(f.Stages) == 0 && len(f.Ranks) == 0
}

// filter is a Filter that is ready for use.
type filter struct {
	Filter
	on       bool
	requests map[string]struct{}
}

func newFilter(f Filter) filter {
	ready := filter{Filter: f, on: !f.IsZero(), requests: make(map[string]struct{}, len(f.Requests))}
	for _, id := range f.Requests {
		ready.requests[strings.ToValidUTF8(segment.Cut(id, segment.MaxRequest), "\uFFFD")] = struct{}{}
	}
	return ready
}

// keepsProcess tells whether anything of a process can pass.
func (f *filter) keepsProcess(p *Process) bool {
	return p.Kind != trace.ProcessModel ||
		(len(f.Stages) == 0 || slices.Contains(f.Stages, p.Stage)) && (len(f.Ranks) == 0 || slices.Contains(f.Ranks, p.Rank))
}

func (f *filter) keepsRequest(id string) bool {
	if len(f.requests) == 0 {
		return true
	}
	_, ok := f.requests[id]
	return ok
}

// wants tells whether a record of the track passes, however long it takes. It is asked in the order of begins.
func (t *track) wants(kind uint8, name uint32, depth uint8, request string) bool {
	f := &t.proc.follow.filter
	if !f.on {
		return true
	}
	if t.proc.left {
		return false
	}
	c := t.proc.name(name).Category
	if kind == segment.KindCount || kind == segment.KindCountFloat {
		return f.Categories.Has(c) || c == trace.CategoryNone && f.Categories.Has(trace.CategoryCounter)
	}
	if !f.keepsRequest(request) {
		return false
	}
	if c == trace.CategoryNone {
		around := t.around(depth)
		return around == nil || around.kept
	}
	return f.Categories.Has(c)
}

// around is the innermost span on the stack that encloses what has the given depth; nil for none.
func (t *track) around(depth uint8) *span {
	for i := len(t.stack) - 1; i >= 0; i-- {
		if t.stack[i].depth < depth {
			return &t.stack[i]
		}
	}
	return nil
}

// place is an event's depth and parent among what passes.
func (t *track) place(depth uint8) (shown uint16, parent uint64) {
	if !t.proc.follow.filter.on {
		return uint16(depth), t.parent(depth)
	}
	for i := range t.stack {
		if sp := &t.stack[i]; sp.kept && sp.depth < depth {
			shown++
			parent = sp.seq
		}
	}
	return shown, parent
}
