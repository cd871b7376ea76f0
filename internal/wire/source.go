package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/strobe-dev/strobe/sdk/profiler"
	profilerv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/profiler/v1"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// sourceWait is how long a profiler that measures may take to return once it is told to end.
const sourceWait = 2 * time.Second

// errStillMeasuring is why a profile has an empty segment of a profiler whose Record hangs.
var errStillMeasuring = errors.New("the Record of an earlier profile has not returned")

// source is one profile's measuring: a recorder, and the author's Record in a goroutine.
type source struct {
	log    *slog.Logger
	rec    *trace.Recorder
	ctx    context.Context // ends Record
	cancel context.CancelFunc
	done   chan struct{} // closed when Record has returned
	err    error         // Record's; to be read when done is closed

	ending sync.Once
	reply  *profilerv1.StopSourceResponse
}

// newSource starts recording, before anybody measures.
func newSource(at *profilerv1.Source, model string, log *slog.Logger) (*source, error) {
	s := &source{log: log, rec: trace.New(trace.Options{}), done: make(chan struct{})}
	err := s.rec.Start(trace.Start{Path: at.GetPath(), MaxBytes: at.GetMaxBytes(),
		Process: trace.Process{Kind: trace.ProcessProfiler, Name: at.GetName(), Model: model}})
	if err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// run has p measure, unless it still measures for an earlier profile.
func (s *source) run(p profiler.ProfilerWithSource, earlier *source) {
	if earlier != nil && !earlier.returned() {
		s.err = errStillMeasuring
		close(s.done)
		return
	}
	go func() {
		defer close(s.done)
		s.err = s.record(p)
	}()
}

// record calls the author's code, whose panic is an error.
func (s *source) record(p profiler.ProfilerWithSource) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.log.Error("panic in a profiler", "op", "record", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("record: panic: %v", r)
		}
	}()
	err = p.Record(s.ctx, s.rec)
	if err == nil || s.ctx.Err() != nil && errors.Is(err, s.ctx.Err()) {
		return nil
	}
	return fmt.Errorf("record: %w", err)
}

func (s *source) returned() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// stop ends the measuring and says what was recorded. A Record that does not return is left alone: what it records from
// now on goes nowhere.
func (s *source) stop() *profilerv1.StopSourceResponse {
	s.ending.Do(func() {
		s.cancel()
		timer := time.NewTimer(sourceWait)
		defer timer.Stop()
		var problem error
		select {
		case <-s.done:
			problem = s.err
		case <-timer.C:
			problem = fmt.Errorf("record: it did not return within %s of its context's end", sourceWait)
		}
		stats, err := s.rec.Stop()
		l := stats.Lost
		s.reply = &profilerv1.StopSourceResponse{Events: stats.Events, Bytes: stats.Bytes, EventCostPs: toPicos(stats.EventNs), Lost: toProfilerLosses(l)}
		if err := errors.Join(problem, err, s.rec.Close()); err != nil {
			s.reply.Error = text(err.Error())
			s.log.Warn("profiler stopped measuring early", "error", err.Error())
		}
	})
	return s.reply
}
