package profile_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

type (
	wireOpen   = wire.OpenRequest
	wireFinish = wire.FinishRequest
)

var errBoom = errors.New("no space left on device")

// hang waits for ctx, as a process does that does not answer; deaf does not even hear that.
func hang(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func deaf(ctx context.Context) error { time.Sleep(time.Hour); return nil }

// Whatever fails at the start, the others are rolled back, every culprit is named and the next start works.
func TestStartIsAllOrNothing(t *testing.T) {
	onStart := func(f func(context.Context) error) func(context.Context, trace.Start) error {
		return func(ctx context.Context, _ trace.Start) error { return f(ctx) }
	}
	onOpen := func(f func(context.Context) error) func(context.Context, wireOpen) error {
		return func(ctx context.Context, _ wireOpen) error { return f(ctx) }
	}
	fail := func(context.Context) error { return errBoom }
	ouch := func(context.Context) error { panic("ouch") }
	tests := []struct {
		name     string
		prepare  func(*coretest.Core)
		code     profile.Code
		culprits []string
		takes    time.Duration
	}{
		{"a rank is down", func(c *coretest.Core) { c.Diffusion[1].SetDown(coretest.ErrDied) }, profile.CodeRankUnavailable, []string{"stage_0_diffusion_rank1"}, 0},
		{"a rank fails", func(c *coretest.Core) { c.Resize.OnStart = onStart(fail) }, profile.CodeRecordingFailed, []string{"stage_1_resize_rank0"}, 0},
		{"a rank hangs", func(c *coretest.Core) { c.Resize.OnStart = onStart(hang) }, profile.CodeRankUnavailable, []string{"stage_1_resize_rank0"}, 10 * time.Second},
		{"a rank is deaf", func(c *coretest.Core) { c.Resize.OnStart = onStart(deaf) }, profile.CodeRankUnavailable, []string{"stage_1_resize_rank0"}, 11 * time.Second},
		{"a rank panics", func(c *coretest.Core) { c.Resize.OnStart = onStart(ouch) }, profile.CodeRecordingFailed, []string{"stage_1_resize_rank0"}, 0},
		{"core fails", func(c *coretest.Core) { c.CoreRank.OnStart = onStart(fail) }, profile.CodeRecordingFailed, []string{"core"}, 0},
		{"a profiler fails", func(c *coretest.Core) { c.Exporters["otlp"].OnOpen = onOpen(fail) }, profile.CodeProfilerFailed, []string{"otlp"}, 0},
		{"a profiler hangs", func(c *coretest.Core) { c.Exporters["otlp"].OnOpen = onOpen(hang) }, profile.CodeProfilerFailed, []string{"otlp"}, 10 * time.Second},
		{"a profiler is deaf", func(c *coretest.Core) { c.Exporters["otlp"].OnOpen = onOpen(deaf) }, profile.CodeProfilerFailed, []string{"otlp"}, 11 * time.Second},
		{"several fail", func(c *coretest.Core) {
			c.Diffusion[0].SetDown(coretest.ErrDied)
			c.Resize.OnStart = onStart(fail)
			c.Exporters["chrome"].OnOpen = onOpen(fail)
		}, profile.CodeRankUnavailable, []string{"stage_0_diffusion_rank0", "stage_1_resize_rank0", "chrome"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := coretest.New(t, coretest.Options{Replicas: 2, Profilers: []string{"chrome", "otlp"},
					Profile: func(o *profile.Options) { o.Profilers = []string{"chrome", "otlp"} }})
				tt.prepare(c)
				began := time.Now()
				_, err := c.Profiles.Start(t.Context(), profile.StartRequest{})
				e := code(t, err, tt.code)
				if time.Since(began) != tt.takes {
					t.Errorf("took %v", time.Since(began))
				}
				var names []string
				for _, culprit := range e.Culprits {
					names = append(names, culprit.Name)
					if !strings.Contains(e.Message, culprit.Name+": ") {
						t.Errorf("message %q lacks %q", e.Message, culprit.Name)
					}
				}
				if !cmp.Equal(names, tt.culprits) {
					t.Errorf("culprits %q", names)
				}
				nothingLeft(t, c)
				mend(c)
				start(t, c, profile.StartRequest{})
				if v := stop(t, c, ""); v.State != profile.StateComplete {
					t.Errorf("the next profile: %+v", v)
				}
				time.Sleep(2 * time.Hour) // the deaf wake up: what they began late is undone
				nothingLeft(t, c)
			})
		})
	}
}

// What a start that was given up still undoes does not meet the next profile's recording.
func TestStartAfterOneThatWasGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := coretest.New(t, coretest.Options{})
		var late atomic.Bool
		c.Resize.OnStarted = func() {
			time.Sleep(1010 * time.Millisecond)
			late.Store(true)
		}
		c.Resize.OnStop = func(context.Context) error {
			if late.Swap(false) {
				time.Sleep(50 * time.Millisecond)
			}
			return nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Profiles.Start(ctx, profile.StartRequest{})
		code(t, err, profile.CodeCancelled)
		time.Sleep(20 * time.Millisecond) // by now, what began late is known
		c.Resize.OnStarted = nil
		start(t, c, profile.StartRequest{})
		time.Sleep(time.Minute)
		if v := stop(t, c, ""); v.State != profile.StateComplete {
			t.Errorf("the next profile: %s, %s", v.State, v.Error)
		}
	})
}

// mend takes the faults out of a core.
func mend(c *coretest.Core) {
	for _, r := range append(c.Diffusion, c.Resize, c.CoreRank) {
		r.Mend()
	}
	for _, x := range c.Exporters {
		x.Mend()
	}
}

// nothingLeft checks that nobody records or exports, and that profiles on disk are final.
func nothingLeft(t *testing.T, c *coretest.Core) {
	t.Helper()
	for _, r := range append(c.Diffusion, c.Resize, c.CoreRank) {
		if _, on := r.Recording(); on {
			t.Errorf("%s still records", r.Label())
		}
	}
	for _, x := range c.Exporters {
		if x.IsOpen() {
			t.Errorf("%s still exports", x.Name())
		}
	}
	if v, ok := c.Profiles.Active(); ok {
		t.Errorf("profile %s is active", v.ID)
	}
	list := c.Profiles.List()
	for _, v := range list {
		if !v.State.Final() {
			t.Errorf("profile %s is %s", v.ID, v.State)
		}
	}
	if names := dirs(t, c.Dir); len(names) != len(list) {
		t.Errorf("%d profiles, but on disk are %v", len(list), names)
	}
}

// A rank that still records, for a start that was given up, does not block profiles for ever.
func TestStaleRecordingIsStopped(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	if _, err := c.Resize.StartRecording(t.Context(), trace.Start{Path: filepath.Join(t.TempDir(), "x.seg")}); err != nil {
		t.Fatal(err)
	}
	start(t, c, profile.StartRequest{})
	if v := stop(t, c, ""); v.State != profile.StateComplete {
		t.Errorf("view %+v", v)
	}
}

func TestStartCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := coretest.New(t, coretest.Options{})
		c.Resize.OnStart = func(ctx context.Context, _ trace.Start) error { return hang(ctx) }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Profiles.Start(ctx, profile.StartRequest{})
		code(t, err, profile.CodeCancelled)
		nothingLeft(t, c)
	})
}

// A rank that goes on making files when its start was given up does not keep the profile's directory from being removed.
func TestLateRankLeavesNothing(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	var late sync.WaitGroup
	c.Resize.OnStart = func(_ context.Context, s trace.Start) error {
		made := make(chan struct{})
		late.Go(func() {
			for n := range 100_000 {
				if os.WriteFile(fmt.Sprintf("%s.%d", s.Path, n), nil, 0o600) != nil {
					return
				}
				if n == 100 {
					close(made)
				}
			}
		})
		<-made
		return errBoom
	}
	_, err := c.Profiles.Start(t.Context(), profile.StartRequest{})
	code(t, err, profile.CodeRecordingFailed)
	late.Wait()
	nothingLeft(t, c)
}

// Whatever fails at the stop, the answer has what exists and names who failed.
func TestStopAnswersWithWhatExists(t *testing.T) {
	fail := func(context.Context) error { return errBoom }
	onFinish := func(f func(context.Context) error) func(context.Context, wireFinish) error {
		return func(ctx context.Context, _ wireFinish) error { return f(ctx) }
	}
	edit := func(f func(*wire.FinishReply)) func(string, *wire.FinishReply) {
		return func(_ string, r *wire.FinishReply) { f(r) }
	}
	tests := []struct {
		name      string
		prepare   func(*coretest.Core)
		says      []string // parts of View.Error
		artifacts int
		takes     time.Duration
	}{
		{"a rank fails", func(c *coretest.Core) { c.Diffusion[1].OnStop = fail }, []string{"stage_0_diffusion_rank1: stop recording: " + errBoom.Error()}, 8, 0},
		{"a rank died", func(c *coretest.Core) { c.Diffusion[1].SetDown(coretest.ErrDied) }, []string{"stage_0_diffusion_rank1: ", "signal: killed"}, 8, 0},
		{"a rank hangs", func(c *coretest.Core) { c.Resize.OnStop = hang }, []string{"stage_1_resize_rank0: ", "no answer within 10s"}, 8, 10 * time.Second},
		{"a rank is deaf", func(c *coretest.Core) { c.Resize.OnStop = deaf }, []string{"stage_1_resize_rank0: ", "no answer within 10s"}, 8, 10 * time.Second},
		{"core fails", func(c *coretest.Core) { c.CoreRank.OnStop = fail }, []string{"core: "}, 8, 0},
		{"a profiler fails", func(c *coretest.Core) { c.Exporters["otlp"].OnFinish = onFinish(fail) }, []string{"otlp: " + errBoom.Error()}, 4, 0},
		{"a profiler panics", func(c *coretest.Core) {
			c.Exporters["otlp"].OnFinish = onFinish(func(context.Context) error { panic("ouch") })
		}, []string{"otlp: panic: ouch"}, 4, 0},
		{"a profiler hangs", func(c *coretest.Core) { c.Exporters["otlp"].OnFinish = onFinish(hang) }, []string{"otlp: no answer within 10m0s"}, 4, 10 * time.Minute},
		{"a profiler is deaf", func(c *coretest.Core) { c.Exporters["otlp"].OnFinish = onFinish(deaf) }, []string{"otlp: no answer within 10m0s"}, 4, 10 * time.Minute},
		{"every profiler fails", func(c *coretest.Core) {
			c.Exporters["chrome"].OnFinish, c.Exporters["otlp"].OnFinish = onFinish(fail), onFinish(fail)
		}, []string{"chrome: ", "otlp: "}, 0, 0},
		{"an artifact is missing", func(c *coretest.Core) {
			c.Exporters["otlp"].Edit = edit(func(r *wire.FinishReply) {
				r.Artifacts = append(r.Artifacts, profiler.Artifact{Name: "lost.json"})
			})
		}, []string{`otlp: artifact "lost.json" is not there`}, 8, 0},
		{"an artifact has another size", func(c *coretest.Core) {
			c.Exporters["otlp"].Edit = edit(func(r *wire.FinishReply) { r.Artifacts[0].Bytes++ })
		}, []string{"the profiler says"}, 7, 0},
		{"an artifact leads out", func(c *coretest.Core) {
			c.Exporters["otlp"].Edit = edit(func(r *wire.FinishReply) { r.Artifacts[0].Name = "../../passwd" })
		}, []string{"must lead into"}, 7, 0},
		{"an artifact is the manifest", func(c *coretest.Core) {
			c.Exporters["otlp"].Edit = edit(func(r *wire.FinishReply) { r.Artifacts[0].Name = "recording/profile.json" })
		}, []string{"the server's own"}, 7, 0},
		{"an artifact is a segment", func(c *coretest.Core) {
			c.Exporters["otlp"].Edit = edit(func(r *wire.FinishReply) { r.Artifacts[0].Name = "recording/core.seg" })
		}, []string{"the server's own"}, 7, 0},
		{"an artifact is a link", func(c *coretest.Core) {
			c.Exporters["otlp"].Edit = func(dir string, r *wire.FinishReply) {
				os.Symlink("/etc/passwd", filepath.Join(dir, "link.json"))
				r.Artifacts[0].Name, r.Artifacts[0].Bytes = "link.json", 0
			}
		}, []string{"not a plain file"}, 7, 0},
		{"two profilers make one file", func(c *coretest.Core) {
			c.Exporters["otlp"].Edit = edit(func(r *wire.FinishReply) {
				r.Artifacts = append(r.Artifacts, r.Artifacts[0])
			})
		}, []string{"is also made by"}, 8, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := coretest.New(t, coretest.Options{Replicas: 2, Profilers: []string{"chrome", "otlp"},
					Profile: func(o *profile.Options) { o.Profilers = []string{"chrome", "otlp"} }})
				start(t, c, profile.StartRequest{})
				c.Profiles.CountRequest()
				tt.prepare(c)
				began := time.Now()
				v := stop(t, c, "")
				if v.State != profile.StateFailed || len(v.Artifacts) != tt.artifacts || time.Since(began) != tt.takes {
					t.Errorf("state %s, %d artifacts, took %v", v.State, len(v.Artifacts), time.Since(began))
				}
				for _, part := range tt.says {
					if !strings.Contains(v.Error, part) {
						t.Errorf("error %q lacks %q", v.Error, part)
					}
				}
				if diff := cmp.Diff(v, manifest(t, c, v.ID)); diff != "" {
					t.Errorf("manifest: %s", diff)
				}
				mend(c)
				time.Sleep(2 * time.Hour)
				start(t, c, profile.StartRequest{})
				if v := stop(t, c, ""); v.State != profile.StateComplete {
					t.Errorf("the next profile: %s %s", v.State, v.Error)
				}
			})
		})
	}
}

// A profiler that somebody has restarted exports the whole recording when the profile ends.
func TestExporterStartedAgain(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	x := c.Exporters["chrome"]
	x.OnFinish = func(context.Context, wireFinish) error {
		x.Mend()
		return &wire.Error{Plugin: "profiler(chrome)", Op: "finish", Err: wire.ErrStartedAgain}
	}
	start(t, c, profile.StartRequest{})
	c.Profiles.CountRequest()
	v := stop(t, c, "")
	if v.State != profile.StateComplete || len(v.Artifacts) == 0 || !strings.Contains(strings.Join(v.Warnings, "\n"), wire.ErrStartedAgain.Error()) {
		t.Errorf("view %+v", v)
	}
}

// What a profiler read counts, and what it made is listed, also when its export failed.
func TestFailedExportTellsWhatItRead(t *testing.T) {
	c := coretest.New(t, coretest.Options{})
	x := c.Exporters["chrome"]
	x.OnFinish = func(context.Context, wireFinish) error { return errBoom }
	x.Edit = func(dir string, r *wire.FinishReply) {
		if err := os.WriteFile(filepath.Join(dir, "part.json"), []byte("{}"), 0o600); err != nil {
			t.Error(err)
		}
		r.Artifacts = []profiler.Artifact{{Name: "part.json"}}
		r.Processes = []recording.Summary{{Process: &recording.Process{Process: trace.Process{Kind: trace.ProcessCore}}, Lost: recording.Losses{Corrupt: 2}}}
		r.Table.Events = 7
	}
	start(t, c, profile.StartRequest{})
	v := stop(t, c, "")
	if v.State != profile.StateFailed || v.Error != "chrome: "+errBoom.Error() || len(v.Artifacts) != 1 || v.Losses.Total != 2 {
		t.Errorf("view %+v", v)
	}
	if table, err := c.Profiles.Summary(v.ID); err != nil || table.Events != 7 {
		t.Errorf("summary %+v, %v", table, err)
	}
}

// A process that died keeps what its segment has, as a reader found it; losses add up by reason.
func TestFiguresOfADeadRank(t *testing.T) {
	c := coretest.New(t, coretest.Options{Replicas: 2})
	c.Diffusion[0].Stats = trace.Stats{Events: 10, Bytes: 1000, Lost: trace.Losses{Full: 3, Names: 2}}
	died := &recording.Process{Process: trace.Process{Kind: trace.ProcessModel, Rank: 1}}
	c.Exporters["chrome"].Edit = func(_ string, r *wire.FinishReply) {
		r.Processes = []recording.Summary{
			{Process: died, Events: 7, Bytes: 700, Lost: recording.Losses{Losses: trace.Losses{NotReady: 1}, Corrupt: 4}},
			{Process: &recording.Process{Process: trace.Process{Kind: trace.ProcessCore}}, Lost: recording.Losses{Corrupt: 1}},
			{},
		}
		r.Artifacts[0].Dropped = 5
		r.Warnings = []string{"a clock jumped back"}
	}
	start(t, c, profile.StartRequest{})
	c.Profiles.CountRequest()
	c.Diffusion[1].SetDown(coretest.ErrDied)
	v := stop(t, c, "")
	if p := v.Processes[1]; p.Events != 7 || p.Bytes != 700 || p.Losses.Total != 5 || p.Error == "" {
		t.Errorf("the dead rank: %+v", p)
	}
	want := profile.Losses{Total: 9, ByReason: map[string]uint64{"full": 3, "names": 2, "not_ready": 1, "corrupt": 5}}
	if diff := cmp.Diff(want, v.Losses); diff != "" {
		t.Errorf("losses: %s", diff)
	}
	text := strings.Join(v.Warnings, "\n")
	for _, part := range []string{"9 events were lost", "newest 5 events", "a clock jumped back"} {
		if !strings.Contains(text, part) {
			t.Errorf("warnings %q lack %q", v.Warnings, part)
		}
	}
	if s := c.Profiles.Stats(); s.Totals.Failed != 1 || s.Totals.Lost["corrupt"] != 5 {
		t.Errorf("stats %+v", s)
	}
}
