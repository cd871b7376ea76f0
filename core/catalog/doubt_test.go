package catalog_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// doubtConfig has a stage for each of the tests below.
const doubtConfig = `
server {
  model     = "m"
  profilers = ["count"]
}
model "m" {
  stage "first" {
    plugin   = "evil"
    replicas = 3
  }
  stage "second" {
    plugin = "change"
  }
  stage "alone" {
    plugin = "evil"
  }
  stage "all" {
    plugin   = "evil"
    replicas = 2
  }
  stage "frozen" {
    plugin   = "evil"
    replicas = 5
  }
  stage "closing" {
    plugin = "evil-close-hang"
  }
}
profiler "count" {
}
`

// TestRecordingsThatHang: a rank that does not answer to a profile is named and replaced, and nobody's request is lost by that.
func TestRecordingsThatHang(t *testing.T) {
	t.Parallel()
	h := hurtBy(t, doubtConfig, func(o *catalog.Options) { o.Restarts.Deaths = 1 }) // none of this takes a rank away
	tests := map[string]func(h *hurt){
		"start":                (*hurt).startHangs,
		"stop":                 (*hurt).stopHangs,
		"the only one":         (*hurt).onlyOneHangs,
		"all of a stage":       (*hurt).allHang,
		"processes that stand": (*hurt).standStill,
		"close":                (*hurt).closeHangs,
	}
	abreast(t, tests, func(t *testing.T, name string) { tests[name](h.in(t)) })
}

// record starts a recording, which goes wrong in the way that control says.
func (h *hurt) record(r *catalog.Rank, control string) error {
	_, err := r.StartRecording(h.t.Context(), trace.Start{Path: filepath.Join(h.t.TempDir(), "x.seg"), MaxBytes: 1 << 20, Control: trace.Control(control)})
	return err
}

// doubtful holds that err says of whom, and what becomes of it.
func (h *hurt) doubtful(r *catalog.Rank, err error) {
	h.t.Helper()
	if !errors.Is(err, wire.ErrTimeout) || !errors.Is(err, catalog.ErrDoubtful) || !strings.HasPrefix(err.Error(), "model("+r.Plugin()+"): ") {
		h.t.Errorf("%s: got %v", r.Label(), err)
	}
	if i := h.row(r); i.LastError == "" {
		h.t.Errorf("%+v", i)
	}
}

// replaced holds that the rank has a new process that does everything.
func (h *hurt) replaced(r *catalog.Rank) {
	h.t.Helper()
	eventually(h.t, r.Label()+" is replaced", func() bool { return r.Restarts() == 1 && r.Err() == nil })
	if i := h.row(r); i.Deaths[catalog.DeathHang] != 1 || i.State != catalog.StateUp {
		h.t.Errorf("%+v", i)
	}
	if err := h.record(r, ""); err != nil {
		h.t.Error(err)
	}
	if _, err := r.Generate(h.t.Context(), &model.Request{}, nil); err != nil {
		h.t.Error(err)
	}
	if _, err := r.StopRecording(h.t.Context()); err != nil {
		h.t.Error(err)
	}
}

// One that another can stand in for gets no more requests, and is replaced at once.
func (h *hurt) startHangs() {
	r := h.rank(0)
	h.doubtful(r, h.record(r, "start hang"))
	h.serves()
	h.replaced(r)
}

// serve begins a request that ends when end is called, which gives its error.
func (h *hurt) serve(r *catalog.Rank) (end func() error) {
	file := filepath.Join(h.t.TempDir(), "go")
	served := make(chan error, 1)
	go func() {
		_, err := r.Generate(context.Background(), &model.Request{Prompt: "wait for " + file}, nil)
		served <- err
	}()
	return func() error {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			return err
		}
		return <-served
	}
}

// The request that it serves meanwhile goes on to its end.
func (h *hurt) stopHangs() {
	r := h.rank(1)
	if err := h.record(r, "stop hang"); err != nil {
		h.t.Fatal(err)
	}
	end := h.serve(r)
	_, err := r.StopRecording(h.t.Context())
	h.doubtful(r, err)
	eventually(h.t, "it gets no more requests", func() bool { return r.Err() != nil })
	h.serves()
	if err := end(); err != nil {
		h.t.Error("its request:", err)
	}
	h.replaced(r)
}

// The only one of its stage serves on as long as there is something to serve.
func (h *hurt) onlyOneHangs() {
	r := h.c.Stages()[2].Ranks[0]
	if err := h.record(r, "stop hang"); err != nil {
		h.t.Fatal(err)
	}
	end := h.serve(r)
	_, err := r.StopRecording(h.t.Context())
	h.doubtful(r, err)
	pid := r.PID()
	h.serves()
	for range 10 {
		h.doubtful(r, h.record(r, "")) // at once
		if err := r.Err(); err != nil || r.PID() != pid {
			h.t.Error("it gets no more requests:", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := end(); err != nil {
		h.t.Error("its request:", err)
	}
	h.replaced(r)
}

// Ranks of one stage are replaced one after the other.
func (h *hurt) allHang() {
	ranks := h.c.Stages()[3].Ranks
	for _, r := range ranks {
		if err := h.record(r, "stop hang"); err != nil {
			h.t.Fatal(err)
		}
	}
	stopped := make(chan error, len(ranks))
	for _, r := range ranks {
		go func() {
			_, err := r.StopRecording(h.t.Context())
			stopped <- err
		}()
	}
	for range ranks {
		if err := <-stopped; !errors.Is(err, catalog.ErrDoubtful) {
			h.t.Errorf("got %v", err)
		}
	}
	for end := time.Now().Add(4 * patience); ranks[0].Restarts()+ranks[1].Restarts() < 2 && time.Now().Before(end); {
		_, err := ranks[0].Generate(h.t.Context(), &model.Request{}, nil)
		if err != nil {
			_, err = ranks[1].Generate(h.t.Context(), &model.Request{}, nil)
		}
		if err != nil { // the first one came back in between
			_, err = ranks[0].Generate(h.t.Context(), &model.Request{}, nil)
		}
		if err != nil {
			h.t.Error("neither serves:", err)
		}
	}
	h.replaced(ranks[0])
	h.replaced(ranks[1])
}

// A process that stands still answers to nothing.
func (h *hurt) standStill() {
	ctx, dir := h.t.Context(), h.t.TempDir()
	calls := []func(r *catalog.Rank) error{
		func(r *catalog.Rank) error {
			return r.StartFlight(ctx, trace.Flight{Dir: dir, MaxBytes: trace.MinFlightBytes, Window: time.Second})
		},
		func(r *catalog.Rank) error { return r.StopFlight(ctx) },
		func(r *catalog.Rank) error {
			_, err := r.Snapshot(ctx, trace.Snapshot{Dir: dir, Label: "x"})
			return err
		},
		func(r *catalog.Rank) error { return r.StartCPUProfile(ctx, filepath.Join(dir, "cpu"), 1<<20) },
		func(r *catalog.Rank) error { return r.StopCPUProfile(ctx) },
	}
	ranks := h.c.Stages()[4].Ranks
	for _, r := range ranks {
		h.halt(r.PID())
	}
	said := make([]chan error, len(calls))
	for i, call := range calls {
		said[i] = make(chan error, 1)
		go func() { said[i] <- call(ranks[i]) }()
	}
	for i, r := range ranks {
		h.doubtful(r, <-said[i])
	}
	h.serves()
	for _, r := range ranks {
		h.replaced(r)
	}
}

// halt stops a process with all its threads, which takes them a moment.
func (h *hurt) halt(pid int) {
	h.t.Helper()
	if runtime.GOOS != "linux" {
		h.t.Skip("looks into /proc")
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		h.t.Fatal(err)
	}
	eventually(h.t, "it stands still", func() bool {
		threads, _ := filepath.Glob("/proc/" + itoa(pid) + "/task/*/stat")
		for _, thread := range threads {
			if b, err := os.ReadFile(thread); err == nil && !strings.Contains(string(b), ") T ") {
				return false
			}
		}
		return len(threads) > 0
	})
}

// One whose end hangs holds up its own restart, for as long as it may.
func (h *hurt) closeHangs() {
	r := h.c.Stages()[5].Ranks[0]
	pid, restarted := r.PID(), make(chan error, 1)
	go func() { restarted <- h.c.Restart(h.t.Context(), r.Plugin()) }()
	h.serves()
	if err := <-restarted; err != nil {
		h.t.Error(err)
	}
	if !gone(pid) {
		h.t.Error("it still runs")
	}
	if _, err := r.Generate(h.t.Context(), &model.Request{}, nil); err != nil {
		h.t.Error(err)
	}
}
