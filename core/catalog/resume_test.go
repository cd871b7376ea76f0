package catalog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// A restarted rank records on into a segment of its own when there is room, and not for a recording that was stopped.
func TestRestartedRankRecordsOn(t *testing.T) {
	for _, tt := range []struct {
		name string
		room int64
		stop bool // before the rank is back
		on   bool
	}{
		{"it records on", 64 << 20, false, true},
		{"no room is left", 1 << 20, false, false},
		{"stopped meanwhile", 64 << 20, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := load(t, shipped, nil)
			r := c.Stages()[0].Ranks[0]
			dir := t.TempDir()
			if _, err := r.StartRecording(t.Context(), trace.Start{Path: filepath.Join(dir, "x.seg"), MaxBytes: tt.room}); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Generate(t.Context(), &model.Request{Prompt: "crash"}, nil); err == nil {
				t.Fatal("it did not crash")
			}
			var exit *wire.ExitError
			stop := func() {
				if _, err := r.StopRecording(t.Context()); !errors.As(err, &exit) || strings.Contains(err.Error(), "recorded on") != tt.on {
					t.Errorf("stop = %v", err)
				}
			}
			if tt.stop {
				stop()
			}
			eventually(t, "the rank is back", func() bool { return r.Err() == nil })
			_, err := os.Stat(filepath.Join(dir, "x.2.seg"))
			if (err == nil) != tt.on {
				t.Errorf("second segment: %v", err)
			}
			if !tt.stop {
				stop()
			}
			if _, err := r.StartRecording(t.Context(), trace.Start{Path: filepath.Join(dir, "y.seg"), MaxBytes: 1 << 20}); err != nil {
				t.Error("the next recording:", err)
			}
			if _, err := r.StopRecording(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A profiler exports offline while it has another profile open.
func TestOffline(t *testing.T) {
	c := load(t, shipped, nil)
	request := wire.OpenRequest{Profile: profiler.Profile{ID: "x", Dir: t.TempDir()}, RecordingDir: t.TempDir()}
	live, err := c.Profiler("count")
	if err != nil {
		t.Fatal(err)
	}
	if err := live.Open(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Offline("cont"); err == nil {
		t.Error("a profiler that is not declared")
	}
	off, err := c.Offline("count")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := off.Open(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		if _, err := off.Finish(t.Context(), wire.FinishRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	if runtime.GOOS == "linux" {
		if policy := schedulingOf(t, off.PID()); policy != "5" { // SCHED_IDLE
			t.Errorf("it has scheduling policy %s", policy)
		}
		if policy := schedulingOf(t, live.PID()); policy != "0" {
			t.Errorf("the profiler that follows has scheduling policy %s", policy)
		}
	}
	if err := off.Err(); err != nil {
		t.Error(err)
	}
	if err := off.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if err := off.Open(t.Context(), request); !errors.Is(err, wire.ErrClosed) {
		t.Errorf("open after close = %v", err)
	}
	if _, err := live.Finish(t.Context(), wire.FinishRequest{}); err != nil {
		t.Error("the other one:", err)
	}
}

// schedulingOf is a process's scheduling policy, as Linux numbers them.
func schedulingOf(t *testing.T, pid int) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))[38]
}

// Without a server only the profilers that are asked for are started.
func TestOnlyProfilers(t *testing.T) {
	o := options(t, nil)
	o.OnlyProfilers = []string{"lazy"}
	c, err := catalog.Load(t.Context(), parse(t, shipped), o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if plugins := c.Plugins(); len(plugins) != 1 || plugins[0].Name != "lazy" {
		t.Errorf("plugins %+v", plugins)
	}
	if _, err := c.Offline("lazy"); err != nil {
		t.Error(err)
	}
}
