package wire

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestGenerateErrors(t *testing.T) {
	h := testHost(t)
	var exit *ExitError
	var request *model.RequestError
	var own *PluginError
	for _, test := range []struct {
		mode  string
		check func(error) bool
		text  string
		alive bool
	}{
		{"panic", func(err error) bool { return errors.As(err, &own) }, "model(model): generate: panic: oh dear", true},
		{"fail", func(err error) bool { return errors.As(err, &own) }, "model(model): generate: out of luck", true},
		{"refuse", func(err error) bool { return errors.As(err, &request) && request.Field == "size" }, "model(model): generate: size: 9x9 is too large", true},
		{"bad-image", func(err error) bool { return errors.As(err, &own) }, "model(model): generate: the model made an image of 9x9 with 242 bytes, must be 243", true},
		{"nothing", func(err error) bool { return errors.As(err, &own) }, "neither a result nor an error", true},
		{"exit", func(err error) bool { return errors.As(err, &exit) }, "model(model): exited with status 9", false},
	} {
		t.Run(test.mode, func(t *testing.T) {
			p := ready(t, h, map[string]any{"mode": test.mode})
			_, err := p.Generate(t.Context(), &model.Request{Size: model.Size{Width: 9, Height: 9}}, nil)
			if !test.check(err) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("Generate = %v, want %s", err, test.text)
			}
			if alive := p.Err() == nil; alive != test.alive {
				t.Errorf("alive = %v, want %v: %v", alive, test.alive, p.Err())
			}
			if test.alive {
				if _, err := p.Describe(t.Context()); err != nil {
					t.Error("the plugin does not answer afterwards:", err)
				}
			}
		})
	}
}

func TestGenerateIsCancelledPromptly(t *testing.T) {
	p := ready(t, testHost(t), map[string]any{"delay": "5ms"})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := p.Generate(ctx, &model.Request{Steps: 100_000}, func(p model.Progress) {
		if p.Step == 3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Generate = %v", err)
	}
	// The next one gets its turn only when the cancelled one has returned.
	if _, err := p.Generate(t.Context(), &model.Request{Steps: 1}, nil); err != nil {
		t.Error(err)
	}
}

func TestHangingCallHasADeadline(t *testing.T) {
	h := testHost(t)
	s := testSpec("model", nil)
	s.Timeouts.Generate, s.Timeouts.Close = 100*time.Millisecond, 100*time.Millisecond
	p := launch(t, h, s)
	if _, err := p.Configure(t.Context(), map[string]any{"mode": "hang"}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Load(t.Context(), model.Rank{}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Generate(t.Context(), &model.Request{}, nil); !errors.Is(err, ErrTimeout) {
		t.Errorf("Generate = %v", err)
	}
	pid := p.PID()
	if err := p.Close(context.Background()); !errors.Is(err, ErrTimeout) {
		t.Errorf("Close = %v", err)
	}
	if alive(pid) {
		t.Error("it still runs")
	}
}

func TestKilledDuringGenerate(t *testing.T) {
	p := ready(t, testHost(t), map[string]any{"delay": "10s"})
	time.AfterFunc(50*time.Millisecond, func() { kill(p.PID()) })
	_, err := p.Generate(t.Context(), &model.Request{}, nil)
	var exit *ExitError
	if !errors.As(err, &exit) || err.Error() != "model(model): exited with signal killed" {
		t.Errorf("Generate = %v", err)
	}
	<-p.Done()
	if p.Err() == nil {
		t.Error("dead, yet without error")
	}
	if _, err := p.Generate(t.Context(), &model.Request{}, nil); !errors.As(err, &exit) {
		t.Errorf("Generate on a dead plugin = %v", err)
	}
}

func TestLoadErrorLeavesThePluginUp(t *testing.T) {
	p := launch(t, testHost(t), testSpec("model", nil))
	if _, err := p.Configure(t.Context(), map[string]any{"mode": "load"}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Load(t.Context(), model.Rank{}); err == nil || err.Error() != "model(model): load: no weights" {
		t.Error(err)
	}
}

func TestLargeImagesCross(t *testing.T) {
	p := ready(t, testHost(t), nil)
	side := 1024
	in := make([]model.Image, 10)
	for i := range in {
		in[i] = model.Image{Width: side, Height: side, Pixels: make([]byte, 3*side*side)}
	}
	r, err := p.Generate(t.Context(), &model.Request{Images: in, Count: 10, Size: model.Size{Width: side, Height: side}}, nil)
	if err != nil || len(r.Images) != 10 {
		t.Fatal(err)
	}
	in[0].Pixels = make([]byte, MaxMessageBytes)
	if _, err := p.Generate(t.Context(), &model.Request{Images: in}, nil); err == nil || !strings.Contains(err.Error(), "larger than max") {
		t.Errorf("a message beyond the limit: %v", err)
	}
}

// profile opens a profile on a profiler and gives the folder of its segments.
func profile(t *testing.T, p *Process) (OpenRequest, error) {
	t.Helper()
	dir := t.TempDir()
	segments := filepath.Join(dir, "recording")
	if err := os.Mkdir(segments, 0o700); err != nil {
		t.Fatal(err)
	}
	r := OpenRequest{Profile: profiler.Profile{ID: "p1", Dir: dir, Model: "m", Label: "bad \xff", Started: time.Now()}, RecordingDir: segments}
	return r, p.Open(t.Context(), r)
}

func TestRecordingReachesTheProfiler(t *testing.T) {
	h := testHost(t)
	m := ready(t, h, nil)
	p := launch(t, h, testSpec("profiler", nil))
	if _, err := p.Configure(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	open, err := profile(t, p)
	if err != nil {
		t.Fatal(err)
	}
	segment := filepath.Join(open.RecordingDir, "stage_0_s_rank0.seg")
	start := trace.Start{Path: segment, MaxBytes: 8 << 20}
	if _, err := m.StartRecording(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	if _, err := m.StartRecording(t.Context(), start); !errors.Is(err, trace.ErrRecording) {
		t.Errorf("second start = %v", err)
	}
	if err := p.Open(t.Context(), open); err == nil {
		t.Error("two profiles at a time")
	}
	if _, err := m.Generate(t.Context(), &model.Request{ID: "r1", Steps: 50}, nil); err != nil {
		t.Fatal(err)
	}
	stats, err := m.StopRecording(t.Context())
	if err != nil || stats.Events < 50 || stats.Bytes == 0 {
		t.Fatal(stats, err)
	}
	if _, err := m.StopRecording(t.Context()); !errors.Is(err, trace.ErrNotRecording) {
		t.Errorf("second stop = %v", err)
	}
	reply, err := p.Finish(t.Context(), FinishRequest{Stopped: time.Now(), Segments: []string{"stage_0_s_rank0.seg", "missing.seg"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(reply.Processes) != 2 || reply.Processes[0].Events < 50 || reply.Processes[0].Process.StageName != "s" || reply.Processes[1].Error == "" {
		t.Errorf("processes = %+v", reply.Processes)
	}
	if len(reply.Artifacts) != 1 || len(reply.Artifacts[0].SHA256) != 64 || reply.Artifacts[0].Bytes == 0 {
		t.Errorf("artifacts = %+v", reply.Artifacts)
	}
	if b, err := os.ReadFile(filepath.Join(open.Profile.Dir, "count.json")); err != nil || !strings.Contains(string(b), `"Events":`) || strings.Contains(string(b), `"Events":0`) {
		t.Errorf("%s %v", b, err)
	}
	if !strings.Contains(reply.Table.Text(80), "denoise_step") {
		t.Errorf("table:\n%s", reply.Table.Text(80))
	}
	if _, err := p.Finish(t.Context(), FinishRequest{}); err == nil {
		t.Error("finished twice")
	}
}

func TestProfilerErrors(t *testing.T) {
	h := testHost(t)
	for _, test := range []struct{ mode, open, finish string }{
		{"open", "profiler(profiler): open: cannot open", ""},
		{"consume", "", "profiler(profiler): finish: consume: cannot consume"},
		{"panic", "", "profiler(profiler): finish: panic: oh dear"},
		{"finish", "", "profiler(profiler): finish: finish: cannot finish"},
		{"outside", "", `profiler(profiler): finish: artifact "../x": the name leads out of the profile's folder`},
		{"hang", "", "profiler(profiler): finish: no answer in time"},
		{"exit", "", "profiler(profiler): exited with status 9"},
	} {
		t.Run(test.mode, func(t *testing.T) {
			s := testSpec("profiler", nil)
			s.Timeouts.Finish, s.Timeouts.Close = 5*time.Second, 200*time.Millisecond
			if test.mode == "hang" {
				s.Timeouts.Finish = 300 * time.Millisecond
			}
			p := launch(t, h, s)
			if _, err := p.Configure(t.Context(), map[string]any{"mode": test.mode}); err != nil {
				t.Fatal(err)
			}
			open, err := profile(t, p)
			if got := errorText(err); got != test.open {
				t.Fatalf("Open = %q, want %q", got, test.open)
			}
			if test.open != "" {
				return
			}
			rec := trace.New(trace.Options{})
			defer rec.Close()
			if err := rec.Start(trace.Start{Path: filepath.Join(open.RecordingDir, "core.seg"), MaxBytes: 1 << 20, Process: trace.Process{Kind: trace.ProcessCore, Name: "core"}}); err != nil {
				t.Fatal(err)
			}
			track := rec.Track("t")
			track.Begin(testStep).End()
			if _, err := rec.Stop(); err != nil {
				t.Fatal(err)
			}
			reply, err := p.Finish(t.Context(), FinishRequest{Stopped: time.Now(), Segments: []string{"core.seg"}})
			if got := errorText(err); !strings.HasPrefix(got, test.finish) {
				t.Errorf("Finish = %q, want %q", got, test.finish)
			}
			if test.mode == "consume" && (len(reply.Processes) != 1 || reply.Processes[0].Events == 0) {
				t.Errorf("a failing sink must not hide what was read: %+v", reply)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestAbort(t *testing.T) {
	p := launch(t, testHost(t), testSpec("profiler", nil))
	if _, err := p.Configure(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	open, err := profile(t, p)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Abort(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(open.Profile.Dir, "aborted")); err != nil {
		t.Error("the sink was not told:", err)
	}
	if _, err := p.Finish(t.Context(), FinishRequest{}); err == nil {
		t.Error("finished an abandoned profile")
	}
	if _, err := profile(t, p); err != nil {
		t.Error("a profile after an abandoned one:", err)
	}
	if err := p.Close(context.Background()); err != nil { // aborts the open one
		t.Error(err)
	}
}
