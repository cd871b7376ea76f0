package wire

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// measurer counts until it is told to end, then does what it is told.
type measurer struct {
	opened profiler.Profile
	end    func(ctx context.Context) error
}

var nameMeasured = trace.NameIn(trace.CategoryCounter, "measured")

func (m *measurer) Open(_ context.Context, p profiler.Profile) (profiler.Sink, error) {
	m.opened = p
	return &measurerSink{}, nil
}

func (m *measurer) Record(ctx context.Context, rec *trace.Recorder) error {
	track := rec.Track("measured")
	for i := range int64(3) {
		track.Count(nameMeasured, i)
	}
	return m.end(ctx)
}

// measurerSink remembers the counters that it was given.
type measurerSink struct{ counted int }

func (s *measurerSink) Consume(_ context.Context, b *recording.Batch) error {
	for e := range b.All() {
		if e.Kind == recording.Counter && e.Name.Text == "measured" {
			s.counted++
		}
	}
	return nil
}

func (s *measurerSink) Finish(context.Context, profiler.Summary) ([]profiler.Artifact, error) {
	if s.counted != 3 {
		return nil, errors.New("not all was exported")
	}
	return nil, nil
}

func serveMeasurer(t *testing.T, m *measurer) *Memory {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	p, err := InMemory(NewProfilerService(m, profiler.Description{Name: "m", Version: "1"}, log), KindProfiler, "m", log, Timeouts{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	return p
}

func openMeasurer(t *testing.T, p *Memory) {
	t.Helper()
	dir := t.TempDir()
	r := OpenRequest{RecordingDir: dir, Profile: profiler.Profile{ID: "p", Dir: t.TempDir()},
		Source: &Source{Path: filepath.Join(dir, "profiler_gauge.seg"), MaxBytes: 1 << 20, Name: "gauge"}}
	r.Profile.Processes = []recording.Process{
		{PID: 7, Process: trace.Process{Kind: trace.ProcessModel, Name: "dit", Stage: 1, StageName: "diffusion", Rank: 2}},
	}
	if err := p.Open(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func untilEnd(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func TestSource(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for _, test := range []struct {
		name    string
		end     func(ctx context.Context) error
		problem string
	}{
		{"in order", untilEnd, ""},
		{"nothing more to measure", func(context.Context) error { return nil }, ""},
		{"error", func(context.Context) error { return errors.New("no such device") }, "record: no such device"},
		{"panic", func(context.Context) error { panic("oh dear") }, "record: panic: oh dear"},
		{"hang", func(context.Context) error { <-release; return nil }, "did not return within"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := &measurer{end: test.end}
			p := serveMeasurer(t, m)
			openMeasurer(t, p)
			if len(m.opened.Processes) != 1 || m.opened.Processes[0].PID != 7 || m.opened.Processes[0].StageName != "diffusion" {
				t.Errorf("opened with %+v", m.opened.Processes)
			}
			reply, err := p.StopSource(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if reply.Stats.Events != 3 || reply.Stats.EventNs <= 0 || !strings.Contains(reply.Problem, test.problem) || (reply.Problem == "") != (test.problem == "") {
				t.Errorf("%+v", reply)
			}
			if again, err := p.StopSource(t.Context()); err != nil || !reflect.DeepEqual(again, reply) {
				t.Errorf("a second call: %+v, %v", again, err)
			}
			finished, err := p.Finish(t.Context(), FinishRequest{Segments: []string{"profiler_gauge.seg"}})
			if err != nil {
				t.Fatal(err)
			}
			if len(finished.Processes) != 1 || finished.Processes[0].Process.Name != "gauge" || finished.Processes[0].Process.Kind != trace.ProcessProfiler ||
				finished.Processes[0].Process.EventNs != reply.Stats.EventNs {
				t.Errorf("%+v", finished.Processes)
			}
			if _, err := p.StopSource(t.Context()); err == nil {
				t.Error("it stops what is over")
			}
		})
	}
}

// Finish, Abort and Close end a source that nobody stopped; a second profile measures again.
func TestSourceEndsWithItsProfile(t *testing.T) {
	m := &measurer{end: untilEnd}
	p := serveMeasurer(t, m)
	openMeasurer(t, p)
	if _, err := p.Finish(t.Context(), FinishRequest{Segments: []string{"profiler_gauge.seg"}}); err != nil {
		t.Error(err)
	}
	openMeasurer(t, p)
	if err := p.Abort(t.Context()); err != nil {
		t.Error(err)
	}
	openMeasurer(t, p)
	if err := p.Close(t.Context()); err != nil { // goleak sees whether Record has ended
		t.Error(err)
	}
}

// A profiler whose Record hangs is not asked to measure twice at once.
func TestSourceThatHangsIsLeftAlone(t *testing.T) {
	release := make(chan struct{})
	m := &measurer{end: func(context.Context) error { <-release; return nil }}
	p := serveMeasurer(t, m)
	openMeasurer(t, p)
	if err := p.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	openMeasurer(t, p)
	reply, err := p.StopSource(t.Context())
	close(release)
	if err != nil || reply.Stats.Events != 0 || !strings.Contains(reply.Problem, "earlier profile") {
		t.Errorf("%+v, %v", reply, err)
	}
}

func TestSourceThatCannotRecordFailsTheOpen(t *testing.T) {
	p := serveMeasurer(t, &measurer{end: untilEnd})
	r := OpenRequest{RecordingDir: t.TempDir(), Profile: profiler.Profile{ID: "p", Dir: t.TempDir()}, Source: &Source{Path: "/no/such/folder/x.seg", MaxBytes: 1 << 20}}
	if err := p.Open(t.Context(), r); err == nil || !strings.Contains(err.Error(), "start recording") {
		t.Errorf("Open = %v", err)
	}
	r.Source = nil
	if err := p.Open(t.Context(), r); err != nil {
		t.Error("the failed open left something open:", err)
	}
}
