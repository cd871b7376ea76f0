package cuda

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// Collector records device events whenever its recorder records. Its methods may be called from any goroutine, and on a nil
// *Collector, which collects nothing.
type Collector struct {
	rec     *trace.Recorder
	options Options
	bad     error // what is wrong with the options
	active  atomic.Pointer[around]

	// Of the recording that is on; the recorder starts and stops one at a time.
	session *session
	outside bool
}

// around is what spans on bound threads do besides being recorded.
type around struct {
	session *session // tells the library of spans; nil: nobody is told
	ranges  *ranges  // tells an outside profiler; nil: nobody is told
}

// Attach makes every recording of rec hold what CUDA does in this process, as the options say. It loads nothing: that is
// for the start of a recording, whose error, or [trace.Stats].Notes, say what stands in the way. In one process one
// collector records at a time.
func Attach(rec *trace.Recorder, o Options) *Collector {
	c := &Collector{rec: rec, options: o}
	c.bad = c.options.check()
	rec.Attach(source{c})
	return c
}

// source is the collector as a recorder sees it.
type source struct{ *Collector }

// Start implements [trace.Source].
func (s source) Start(st trace.Start) (notes []string, err error) {
	c := s.Collector
	if c.bad != nil {
		return nil, c.bad
	}
	if st.Control == trace.ControlCUDAProfiler {
		return c.startOutside()
	}
	if c.options.Mode == Off {
		return nil, nil
	}
	o := c.options
	if o.Events = wanted(o.Events, st.Categories); len(o.Events) == 0 {
		return nil, nil
	}
	if c.session, err = startSession(c.rec, &o); err != nil {
		return c.without(fmt.Errorf("device events are absent: %w", err))
	}
	c.active.Store(&around{session: c.session})
	return nil, nil
}

// startOutside tells an outside profiler to begin. CUPTI is its.
func (c *Collector) startOutside() (notes []string, err error) {
	const what = "control is \"" + string(trace.ControlCUDAProfiler) + "\": "
	if c.options.Mode == Off {
		return []string{what + `cuda is "off" here, so no CUDA profiler is told`}, nil
	}
	if err := profilerStart(); err != nil {
		return c.without(fmt.Errorf(what+"%w", err))
	}
	c.outside = true
	ranges, err := openRanges()
	if err != nil {
		notes = append(notes, fmt.Sprintf("a tool wants spans as NVTX ranges, and gets none: %v", err))
	}
	c.active.Store(&around{ranges: ranges})
	say(c.rec, stateOutside, "an outside profiler of CUDA has them")
	return notes, nil
}

// States of the fact "cuda".
const (
	stateRecorded = "recorded"
	stateAbsent   = "absent"
	stateOutside  = "outside"
)

// without is what a start without device events comes to.
func (c *Collector) without(err error) ([]string, error) {
	if c.options.Mode == Required {
		return nil, fmt.Errorf("%w; with cuda = \"auto\" recordings do without them", err)
	}
	reason := err
	if inner := errors.Unwrap(err); inner != nil {
		reason = inner
	}
	say(c.rec, stateAbsent, reason.Error())
	return []string{err.Error()}, nil
}

// Stop implements [trace.Source].
func (s source) Stop() (notes []string) {
	c := s.Collector
	c.active.Store(nil)
	if c.outside {
		c.outside = false
		if err := profilerStop(); err != nil {
			notes = append(notes, fmt.Sprintf("end the outside CUDA profile: %v", err))
		}
	}
	if c.session != nil {
		notes = c.session.stop()
		c.session = nil
	}
	return notes
}

// say records whether there are device events in the recording, and why not.
func say(rec *trace.Recorder, state, reason string, more ...trace.Arg) {
	args := []trace.Arg{trace.String(trace.Name("state"), state)}
	if reason != "" {
		args = append(args, trace.String(trace.Name("reason"), reason))
	}
	rec.Fact(trace.Name("cuda"), 0, append(args, more...)...)
}
