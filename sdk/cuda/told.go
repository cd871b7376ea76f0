//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// told is what libraries know of the spans of a thread.
type told struct {
	now     depth
	session *session // the one that the thread's context was looked up for
	lib     *cupti   // that ids were pushed to
	ranges  *ranges  // that ranges were pushed to
	request string
	last    *uint64 // where the library writes an id that goes
	context *uintptr
}

// enter tells that a span has begun, and returns what was known before.
func (t *told) enter(a *around, id trace.SpanID, track *trace.Track, n trace.NameID) depth {
	before := t.now
	if s := a.session; s != nil && id.Seq != 0 {
		t.push(s, id, track)
	}
	if a.ranges != nil {
		a.ranges.push(n)
		t.ranges = a.ranges
		t.now.ranges++
	}
	return before
}

func (t *told) push(s *session, id trace.SpanID, track *trace.Track) {
	if t.session != s {
		t.look(s, id, track)
	} else if r := track.Request(); r != t.request {
		t.request = r
		s.requests.set(id, r)
	}
	v := packSpan(id)
	if v == 0 {
		return
	}
	if r, _, _ := purego.SyscallN(s.lib.pushExternal, externalKind, uintptr(v)); int32(r) == 0 {
		t.lib = s.lib
		t.now.pushed++
	}
}

// look takes the thread's context for the session's end, and the request.
func (t *told) look(s *session, id trace.SpanID, track *trace.Track) {
	t.request = track.Request()
	s.requests.set(id, t.request)
	if t.context == nil {
		t.context, t.last = new(uintptr), new(uint64)
	}
	if s.driver.current(t.context) == 0 && *t.context != 0 {
		s.remember(*t.context)
		t.session = s
	}
}

// leave takes back what was told since a span began.
func (t *told) leave(before depth) {
	for ; t.now.pushed > before.pushed; t.now.pushed-- {
		purego.SyscallN(t.lib.popExternal, externalKind, uintptr(unsafe.Pointer(t.last)))
	}
	runtime.KeepAlive(t.last)
	for ; t.now.ranges > before.ranges; t.now.ranges-- {
		t.ranges.pop()
	}
}
