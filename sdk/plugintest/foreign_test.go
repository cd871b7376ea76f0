package plugintest_test

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/plugintest"
	modelv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/model/v1"
	pluginv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/plugin/v1"
	profilerv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/profiler/v1"
)

// answer is how a plugin answers a call: what was asked, and what the SDK would say.
type answer func(call string, req, said any, err error) (any, error)

func (a answer) fault() plugintest.Fault {
	return plugintest.Fault{Unary: func(call string, req any, next func() (any, error)) (any, error) {
		said, err := next()
		return a(call, req, said, err)
	}}
}

// described is a fault in Describe, configured one in Configure.
func described(change func(*pluginv1.DescribeResponse)) answer {
	return func(_ string, _, said any, err error) (any, error) {
		if r, ok := said.(*pluginv1.DescribeResponse); ok && err == nil {
			change(r)
		}
		return said, err
	}
}

func configured(change func(*pluginv1.ConfigureResponse) error) answer {
	return func(_ string, _, said any, err error) (any, error) {
		if r, ok := said.(*pluginv1.ConfigureResponse); ok && err == nil {
			err = change(r)
		}
		return said, err
	}
}

// read is a fault in what was read.
func read(change func(*profilerv1.FinishResponse)) answer {
	return func(_ string, _, said any, err error) (any, error) {
		if r, ok := said.(*profilerv1.FinishResponse); ok && err == nil && len(r.GetProcesses()) > 0 {
			change(r)
		}
		return said, err
	}
}

// lenient is a fault that answers where the SDK refuses.
func lenient(method string, instead any) answer {
	return func(call string, _, said any, err error) (any, error) {
		if call == method && err != nil {
			return instead, nil
		}
		return said, err
	}
}

// needsOpen is a fault in Abort, which must do nothing when nothing is open.
func needsOpen() answer {
	open := false
	return func(call string, _, said any, err error) (any, error) {
		switch {
		case call == "Abort" && !open:
			return nil, errors.New("nothing is open")
		case call == "Open":
			open = err == nil
		case call == "Abort", call == "Finish":
			open = false
		}
		return said, err
	}
}

// TestForeignFaults has the checks find what nobody can do wrong with the SDK.
func TestForeignFaults(t *testing.T) {
	descriptions, grudge := 0, false
	for name, test := range map[string]struct {
		answer answer
		want   string
	}{
		"another kind": {described(func(r *pluginv1.DescribeResponse) { r.Kind = pluginv1.Kind_KIND_MODEL }), "describe twice"},
		"no name":      {described(func(r *pluginv1.DescribeResponse) { r.Name = "" }), "describe twice"},
		"other keys": {described(func(r *pluginv1.DescribeResponse) {
			descriptions++
			r.Config[0].Name = fmt.Sprint("key", descriptions)
		}), "describe twice"},
		"takes everything": {configured(func(r *pluginv1.ConfigureResponse) error { r.Diagnostics = nil; return nil }), "unknown key, every finding, bad values"},
		"one finding at a time": {configured(func(r *pluginv1.ConfigureResponse) error {
			r.Diagnostics = r.Diagnostics[:min(len(r.Diagnostics), 1)]
			return nil
		}), "every finding"},
		"findings without a place": {configured(func(r *pluginv1.ConfigureResponse) error {
			for _, d := range r.Diagnostics {
				d.Path = nil
			}
			return nil
		}), "unknown key, every finding"},
		"findings as errors": {configured(func(r *pluginv1.ConfigureResponse) error {
			if len(r.Diagnostics) > 0 {
				return errors.New("bad configuration")
			}
			return nil
		}), "unknown key, every finding, bad values"},
		"a grudge": {configured(func(r *pluginv1.ConfigureResponse) error {
			if grudge && len(r.Diagnostics) == 0 {
				return errors.New("configured already")
			}
			grudge = true
			return nil
		}), "unknown key, every finding"},
		"finishes what is not open": {lenient("Finish", &profilerv1.FinishResponse{}), "one at a time"},
		"opens what is open":        {lenient("Open", &profilerv1.OpenResponse{}), "one at a time"},
		"aborts only what is open":  {needsOpen(), "abort"},
		"loses events":              {read(func(r *profilerv1.FinishResponse) { r.Processes[0].Events /= 2 }), "open and finish, second profile, every argument type"},
		"reads one process":         {read(func(r *profilerv1.FinishResponse) { r.Processes = r.Processes[:1] }), "open and finish, empty recording"},
	} {
		t.Run(name, func(t *testing.T) {
			p, d := newLister("")
			start := plugintest.ForeignProfiler(p, d, test.answer.fault())
			checks := plugintest.ProfilerChecks(plugintest.ProfilerOptions{BadConfigs: []map[string]any{{"name": int64(7)}}})
			if got := failing(t, checks, start, test.want); got != test.want {
				t.Errorf("found by %q, want %q", got, test.want)
			}
		})
	}
}

// TestForeignModels has the checks find a model that does one thing at a time: its recording waits for its requests, or a
// request is refused while another runs.
func TestForeignModels(t *testing.T) {
	for name, test := range map[string]struct {
		fault func(*busy) plugintest.Fault
		slow  bool
		want  string
	}{
		"refuses the second request": {fault: func(b *busy) plugintest.Fault { return plugintest.Fault{Stream: b.alone} }, want: "two at once"},
		"refuses to record":          {fault: func(b *busy) plugintest.Fault { return plugintest.Fault{Stream: b.generate, Unary: b.refuse} }, want: "record in flight"},
		"records later":              {fault: func(b *busy) plugintest.Fault { return plugintest.Fault{Stream: b.generate, Unary: b.wait} }, slow: true, want: "record in flight"},
		"writes nonsense":            {fault: func(*busy) plugintest.Fault { return plugintest.Fault{Unary: nonsense()} }, want: "record, record in flight"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &checker{}
			if test.slow {
				m.fault = "slow"
			}
			start := plugintest.ForeignModel(m, test.fault(&busy{}))
			if got := failing(t, plugintest.ModelChecks(plugintest.ModelOptions{}), start, test.want); got != test.want {
				t.Errorf("found by %q, want %q", got, test.want)
			}
		})
	}
}

// busy knows how many requests run.
type busy struct{ requests atomic.Int32 }

func (b *busy) generate(_ string, next func() error) error {
	b.requests.Add(1)
	defer b.requests.Add(-1)
	return next()
}

func (b *busy) alone(call string, next func() error) error {
	if b.requests.Load() > 0 {
		return errors.New("busy")
	}
	return b.generate(call, next)
}

func (b *busy) refuse(call string, _ any, next func() (any, error)) (any, error) {
	if call == "StartRecording" && b.requests.Load() > 0 {
		return nil, errors.New("busy")
	}
	return next()
}

func (b *busy) wait(call string, _ any, next func() (any, error)) (any, error) {
	if call == "StartRecording" {
		for b.requests.Load() == 0 { // the check has begun one, or is about to
			time.Sleep(time.Millisecond)
		}
		for b.requests.Load() > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	return next()
}

// nonsense overwrites what was recorded.
func nonsense() func(string, any, func() (any, error)) (any, error) {
	var segment string
	return func(_ string, req any, next func() (any, error)) (any, error) {
		said, err := next()
		switch r := req.(type) {
		case *modelv1.StartRecordingRequest:
			segment = r.GetPath()
		case *modelv1.StopRecordingRequest:
			err = os.WriteFile(segment, []byte("nonsense"), 0o600)
		}
		return said, err
	}
}
