package profile

import (
	"context"
	"path/filepath"
	"sync/atomic"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Source is an optional companion of [Exporter]: a profiler that may measure, into a segment of its own.
type Source interface {
	// Measures tells whether Open takes a source. It does not wait for a process.
	Measures() bool
	PID() int // of the process; 0 while there is none
	// StopSource ends the measuring that Open began.
	StopSource(ctx context.Context) (wire.SourceReply, error)
}

// measuring is a profiler among the processes that record. Its Open begins the recording.
type measuring struct {
	Exporter
	source  Source
	begun   atomic.Bool
	problem atomic.Pointer[string] // why it ended early
}

// profilerPrefix begins the label of a profiler that measures.
const profilerPrefix = "profiler_"

// asMeasuring is x as a process that records, nil when it is none.
func asMeasuring(x Exporter) *measuring {
	if s, ok := x.(Source); ok && s.Measures() {
		return &measuring{Exporter: x, source: s}
	}
	return nil
}

func (x *measuring) Label() string     { return profilerPrefix + x.Name() }
func (x *measuring) Stage() int        { return 0 }
func (x *measuring) StageName() string { return "" }
func (x *measuring) Rank() int         { return 0 }
func (x *measuring) PID() int          { return x.source.PID() }
func (x *measuring) Err() error        { return died(x.Exporter) }

func (x *measuring) StartRecording(context.Context, trace.Start) ([]string, error) { return nil, nil }

func (x *measuring) StopRecording(ctx context.Context) (trace.Stats, error) {
	reply, err := x.source.StopSource(ctx)
	if reply.Problem != "" {
		x.problem.Store(&reply.Problem)
	}
	return reply.Stats, err
}

// sourceOf is the segment that a profiler records into from its Open on. Only the first Open of a profile does.
func (p *entry) sourceOf(x Exporter) *wire.Source {
	for _, r := range p.procs {
		if s, ok := r.(*measuring); ok && s.Exporter == x && s.begun.CompareAndSwap(false, true) {
			return &wire.Source{Path: filepath.Join(p.recordingDir(), segment(s)), MaxBytes: p.perProc, Name: x.Name()}
		}
	}
	return nil
}

// recorded are core and the ranks, for profilers that look at them.
func (m *Manager) recorded(p *entry) []recording.Process {
	var list []recording.Process
	for _, r := range p.procs {
		of := recording.Process{PID: r.PID(), Process: trace.Process{Kind: trace.ProcessModel, Stage: r.Stage(), StageName: r.StageName(), Rank: r.Rank()}}
		switch named := r.(type) {
		case *measuring:
			continue
		case interface{ Plugin() string }:
			of.Name = named.Plugin()
		}
		if r == m.o.Core {
			of.Process = trace.Process{Kind: trace.ProcessCore, Name: "core"}
		}
		list = append(list, of)
	}
	return list
}

// warnings say which profilers did not measure to the end.
func (p *entry) warnings() []string {
	var all []string
	for _, r := range p.procs {
		if s, ok := r.(*measuring); ok {
			if text := s.problem.Load(); text != nil {
				all = append(all, s.Label()+" did not measure to the end: "+*text)
			}
		}
	}
	return all
}
