package hostmon

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record measures the processes for as long as work runs, and gives the counters' values.
func record(t testing.TB, interval time.Duration, work func(), processes ...recording.Process) map[string][]float64 {
	t.Helper()
	dir := t.TempDir()
	rec := trace.New(trace.Options{})
	if err := rec.Start(trace.Start{Path: filepath.Join(dir, "a.seg"), MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	p := New()
	p.config.Interval = interval
	if _, err := p.Open(t.Context(), profiler.Profile{Processes: processes}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Record(ctx, rec) }()
	work()
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	values := map[string][]float64{}
	_, err := recording.Read(t.Context(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			if e.Kind != recording.Counter || e.Name.Category != trace.CategoryCounter {
				t.Errorf("not a counter: %+v", e)
			}
			values[e.Name.Text] = append(values[e.Name.Text], e.Value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func self(kind trace.ProcessKind) recording.Process {
	return recording.Process{PID: os.Getpid(), Process: trace.Process{Kind: kind, Stage: 1, StageName: "diffusion", Rank: 2}}
}

func TestCountersOfProcesses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	ballast := make([]byte, 32<<20)
	values := record(t, 10*time.Millisecond, func() {
		for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
			for i := range ballast { // busy
				ballast[i]++
			}
			time.Sleep(time.Millisecond) // gives way
		}
	}, self(trace.ProcessCore), self(trace.ProcessModel))
	for _, of := range []string{"core", "stage_1_diffusion_rank2"} {
		cpu, rss := values["cpu_percent "+of], values["rss_bytes "+of]
		if len(cpu) < 3 || most(cpu) < 5 || most(cpu) > 1000*float64(runtime.NumCPU()) {
			t.Errorf("cpu_percent %s: %v", of, cpu)
		}
		if len(rss) < 4 || most(rss) < 32<<20 || most(rss) > 1<<40 {
			t.Errorf("rss_bytes %s: %v", of, rss)
		}
		if s := values["voluntary_switches_per_s "+of]; len(s) < 3 || most(s) == 0 {
			t.Errorf("voluntary_switches_per_s %s: %v", of, s)
		}
		if s := values["involuntary_switches_per_s "+of]; len(s) < 3 {
			t.Errorf("involuntary_switches_per_s %s: %v", of, s)
		}
	}
	for name, v := range values {
		for _, x := range v {
			if x < 0 || math.IsNaN(x) || math.IsInf(x, 0) {
				t.Errorf("%s: %v", name, v)
			}
		}
	}
	runtime.KeepAlive(ballast)
}

func most(values []float64) float64 {
	m := 0.0
	for _, v := range values {
		m = max(m, v)
	}
	return m
}

// A process that is not there has no counters; that is no error.
func TestGoneProcess(t *testing.T) {
	gone := recording.Process{PID: 1<<22 + 7, Process: trace.Process{Kind: trace.ProcessCore}}
	for name := range record(t, 10*time.Millisecond, func() { time.Sleep(50 * time.Millisecond) }, gone) {
		if name != "" && name[len(name)-4:] == "core" {
			t.Errorf("it has the counter %q", name)
		}
	}
}

// What shrinks, or is not known now, makes no sample; what is known again goes on.
func TestMeter(t *testing.T) {
	dir := t.TempDir()
	rec := trace.New(trace.Options{})
	if err := rec.Start(trace.Start{Path: filepath.Join(dir, "a.seg"), MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	readings := [][]float64{{100, 5}, {150, math.NaN()}, {140, 7}, {math.NaN(), 8}, {200, 9}, {260, 10}, nil}
	m := newMeter(rec.Track("t"), "x", 1, func() []float64 {
		next := readings[0]
		readings = readings[1:]
		return next
	}, "sum", "level")
	now := time.Now()
	for i := range readings {
		m.sample(now.Add(time.Duration(i) * 500 * time.Millisecond))
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	got := map[string][]float64{}
	if _, err := recording.Read(t.Context(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			got[e.Name.Text] = append(got[e.Name.Text], e.Value)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if s := got["sum x"]; len(s) != 2 || s[0] != 100 || s[1] != 120 {
		t.Errorf("changes a second: %v", s)
	}
	if l := got["level x"]; len(l) != 5 {
		t.Errorf("levels: %v", l)
	}
}

func BenchmarkSample(b *testing.B) {
	rec := trace.New(trace.Options{})
	if err := rec.Start(trace.Start{Path: filepath.Join(b.TempDir(), "a.seg"), MaxBytes: 64 << 20}); err != nil {
		b.Fatal(err)
	}
	defer rec.Close()
	m := newMeter(rec.Track("t"), "core", 3, processReader(os.Getpid()), "a", "b", "c", "d")
	for b.Loop() {
		m.sample(time.Now())
	}
}
