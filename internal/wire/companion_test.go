package wire

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// waiter waits in Consume until it is told of the stop, and has something to say.
type waiter struct {
	opened  profiler.Profile
	waiting chan struct{}
	stopped chan struct{}
}

func (w *waiter) Open(_ context.Context, p profiler.Profile) (profiler.Sink, error) {
	w.opened = p
	return w, nil
}

func (w *waiter) Consume(ctx context.Context, _ *recording.Batch) error {
	select {
	case <-w.waiting:
	default:
		close(w.waiting)
	}
	select {
	case <-w.stopped:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *waiter) Stopping(ctx context.Context) {
	if _, ok := ctx.Deadline(); ok {
		close(w.stopped)
	}
}

func (w *waiter) Finish(context.Context, profiler.Summary) ([]profiler.Artifact, error) {
	return nil, nil
}
func (w *waiter) Warnings() []string { return []string{"one", "two"} }

// TestCompanions checks that a sink which waits in the middle of a batch learns of the stop and of its deadline, that its
// warnings arrive, and that it is told where its artifacts of before are.
func TestCompanions(t *testing.T) {
	w := &waiter{waiting: make(chan struct{}), stopped: make(chan struct{})}
	log := slog.New(slog.DiscardHandler)
	p, err := InMemory(NewProfilerService(w, profiler.Description{Name: "w", Version: "1"}, log), KindProfiler, "w", log, Timeouts{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	dir := t.TempDir()
	rec := trace.New(trace.Options{})
	defer rec.Close()
	if err := rec.Start(trace.Start{Path: filepath.Join(dir, "core.seg"), MaxBytes: 1 << 20, Process: trace.Process{Kind: trace.ProcessCore, Name: "core"}}); err != nil {
		t.Fatal(err)
	}
	rec.Track("t").Begin(nameMeasured).End()
	if err := p.Open(t.Context(), OpenRequest{RecordingDir: dir, Profile: profiler.Profile{ID: "p", Dir: t.TempDir(), Previous: "/before"}}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.waiting: // of its own accord it goes on waiting
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was consumed")
	}
	if _, err := rec.Stop(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	reply, err := p.Finish(ctx, FinishRequest{Stopped: time.Now(), Segments: []string{"core.seg"}})
	if err != nil || !slices.Equal(reply.Warnings, []string{"one", "two"}) || w.opened.Previous != "/before" {
		t.Errorf("%q, %v, previous %q", reply.Warnings, err, w.opened.Previous)
	}
}
