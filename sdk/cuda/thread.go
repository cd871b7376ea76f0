package cuda

import (
	"runtime"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// Thread is a goroutine that is bound to its thread of the system, as CUDA's contexts are, with the track that it writes.
// Only that goroutine uses it. A nil *Thread is valid and records nothing.
type Thread struct {
	c     *Collector
	track *trace.Track
	told  *told
}

// Bind binds the goroutine that calls it to its thread until [Thread.Release]. CUDA contexts that are current while it has
// spans open must live until the recording stops: the stop waits for their work. A nil collector, and one that is [Off],
// binds nothing: spans are recorded as on the track itself.
func (c *Collector) Bind(track *trace.Track) *Thread {
	if c == nil || c.options.Mode == Off {
		return &Thread{track: track}
	}
	runtime.LockOSThread()
	return &Thread{c: c, track: track, told: &told{}}
}

// Release gives the goroutine free. Spans of the thread must have ended.
func (t *Thread) Release() {
	if t != nil && t.c != nil {
		runtime.UnlockOSThread()
	}
}

// If is the thread while events of a category are wanted, and nil while they are not, as [trace.Track.If].
func (t *Thread) If(c trace.Category) *Thread {
	if t == nil || t.track.If(c) == nil {
		return nil
	}
	return t
}

// Span is a span on a bound thread: calls to CUDA before its End belong to it. The zero Span is valid and does nothing.
type Span struct {
	trace.Span
	t     *Thread
	depth depth
}

// Begin begins a span, as [trace.Track.Begin] does.
func (t *Thread) Begin(n trace.NameID) Span {
	if t == nil {
		return Span{}
	}
	return t.around(t.track.Begin(n), n)
}

// BeginArgs begins a span with arguments, as [trace.Track.BeginArgs] does.
func (t *Thread) BeginArgs(n trace.NameID, args ...trace.Arg) Span {
	if t == nil {
		return Span{}
	}
	return t.around(t.track.BeginArgs(n, args...), n)
}

func (t *Thread) around(s trace.Span, n trace.NameID) Span {
	if t.c == nil {
		return Span{Span: s}
	}
	a := t.c.active.Load()
	if a == nil {
		return Span{Span: s}
	}
	return Span{s, t, t.told.enter(a, s.ID(), t.track, n)}
}

// End ends the span, and those within it.
func (s Span) End() {
	if s.t != nil {
		s.t.told.leave(s.depth)
	}
	s.Span.End()
}

// EndArgs adds arguments that are known only now, and ends the span.
func (s Span) EndArgs(args ...trace.Arg) {
	if s.t != nil {
		s.t.told.leave(s.depth)
	}
	s.Span.EndArgs(args...)
}

// depth is how many spans the library, and an outside profiler, knew of on the thread before a span began.
type depth struct{ pushed, ranges int32 }
