package otlp

import (
	"context"
	"errors"
	"fmt"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
)

// Finish implements profiler.Sink: what is left is sent for as long as the receiver takes it, then the report is written.
func (s *sink) Finish(ctx context.Context, sum profiler.Summary) ([]profiler.Artifact, error) {
	s.Stopping(ctx) // a host that did not say so
	err := s.complete(sum)
	t := s.sender.close() // the watch still runs: it has an end
	s.end(ctx)
	if err != nil {
		return nil, fmt.Errorf("finish the OTLP export: %w", err)
	}
	r := s.newReport(t)
	s.mu.Lock()
	s.warnings = r.warnings()
	s.mu.Unlock()
	artifacts, err := r.write(s.profile)
	if err != nil {
		return nil, fmt.Errorf("finish the OTLP export: %w", err)
	}
	return artifacts, r.failure()
}

// complete hands over what is not sent yet.
func (s *sink) complete(sum profiler.Summary) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("the profile is finished")
	}
	s.closed = true
	for _, p := range s.order {
		if err := s.flush(s.ctx, p); err != nil {
			return err
		}
	}
	for i := range sum.Processes {
		if err := s.losses(&sum.Processes[i], sum); err != nil {
			return err
		}
	}
	return nil
}

// Warnings implements profiler.Warner.
func (s *sink) Warnings() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.warnings
}

// spanLosses is the span that says what a process's recording lacks, by an event and by its resource.
const spanLosses = "strobe.losses"

// losses sends that span, when there is something to say.
func (s *sink) losses(sum *recording.Summary, all profiler.Summary) error {
	l := sum.Lost
	total := l.Total() + l.Corrupt
	if sum.Process == nil || total == 0 && l.Names == 0 && l.Truncated == 0 && l.Unknown == 0 {
		return nil
	}
	p := s.process(sum.Process)
	t := s.track(p, &recording.Track{Process: sum.Process, Name: "recording"})
	number := t.n
	t.n++
	s.counts.Spans++
	switch {
	case t.before.has(number):
		s.counts.Before++
		return nil
	case s.sender.gone():
		s.sender.lose(1)
		return nil
	}
	id := spanOf(t.seed, 1)
	b := appendBytes(nil, fieldTraceID, t.own.trace[:])
	b = appendBytes(b, fieldSpanID, id[:])
	b = appendText(b, fieldName, spanLosses)
	b = appendNumber(b, fieldKind, kindInternal)
	b = appendTime(b, fieldStart, s.profile.Started.UnixNano())
	b = appendTime(b, fieldEnd, max(s.profile.Started.UnixNano(), all.Stopped.UnixNano()))
	event := appendTime(nil, fieldEventTime, all.Stopped.UnixNano())
	event = appendText(event, fieldEventName, spanLosses)
	for _, r := range []struct {
		reason string
		n      uint64
	}{
		{"full", l.Full}, {"not_ready", l.NotReady}, {"depth", l.Depth}, {"device", l.Device}, {"corrupt", l.Corrupt},
		{"names", l.Names}, {"truncated", l.Truncated}, {"unknown", l.Unknown},
	} {
		if r.n > 0 {
			event = newAttribute("strobe.lost."+r.reason).integer(event, fieldEventAttributes, int64(r.n))
		}
	}
	b = appendBytes(b, fieldEvents, event)
	c := s.sender.chunk(newOrigin(withLosses(p.origin.resource, total)))
	c.put(b, t, number)
	return s.sender.put(s.ctx, c)
}
