package chrome

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/sdk/profiler"
)

// viewers is where .ci/viewers.sh installs the programs that open traces.
func viewers(t *testing.T) string {
	t.Helper()
	if os.Getenv("STROBE_TEST") != "full" {
		t.Skip("STROBE_TEST=full: needs Perfetto, catapult, speedscope, TensorBoard's plugin and HolisticTraceAnalysis; install with . .ci/viewers.sh")
	}
	dir := os.Getenv("STROBE_VIEWERS")
	if dir == "" {
		t.Fatal("STROBE_VIEWERS is not set: install the viewers with . .ci/viewers.sh, which sets it")
	}
	return dir
}

// run starts a script of the folder viewers and reads what it prints. The script ends with an error when the viewer complained.
func run[T any](t *testing.T, tools, script string, args ...string) T {
	t.Helper()
	program := "node"
	if strings.HasSuffix(script, ".py") {
		program = filepath.Join(tools, "venv", "bin", "python")
	}
	cmd := exec.Command(program, append([]string{filepath.Join("viewers", script)}, args...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(tools, "node_modules"), "HOME="+t.TempDir())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	t.Logf("%s: %s", script, out)
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, stderr.String())
	}
	var v T
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return v
}

// served is a folder of traces as a server makes them: core, two ranks, a second stage, counters, an open span.
func served(t *testing.T) (dir string, files []string) {
	n := names{}
	c, r0, r1 := core(n), rank(n, 0), rank(n, 1)
	resize := newProc(n, 2, 4250, r0.Process.Process)
	resize.Stage, resize.StageName, resize.Name = 1, "resize", "resize"
	l0, l1, w0, w1, z := c.track("request 1"), c.track("request 2"), r0.track("worker"), r1.track("worker"), resize.track("worker")
	c.counters(l0)
	for i := range 4 {
		us := float64(i) * 2000
		serve(l0, us, generate(w0, us+10, "img-a", uint64(10+i), 3, 2)+5, "img-a", uint64(10+i))
		serve(l1, us, generate(w1, us+10, "img-b", uint64(20+i), 3, 2)+5, "img-b", uint64(20+i))
	}
	z.coarse(500)
	for seed := range uint64(6) {
		resize.track(fmt.Sprint("anyhow ", seed)).anyhow(seed)
	}
	w1.begin(9000, 2, "pipeline_forward")
	w1.begin(9001, 3, "denoise_step")
	w1.cut(9100)
	dir = t.TempDir()
	return dir, paths(dir, export(t, profileIn(dir), c.batch(), r0.batch(), r1.batch(), resize.batch()))
}

// counters adds a sample of each counter that a process has.
func (p *proc) counters(l *line) {
	for i := range 5 {
		us := float64(i) * 100
		l.count(us, "queue", float64(i), false)
		l.count(us, "rss_bytes", 2e7+float64(i), false)
		l.count(us, "cpu_percent", 99.5, true)
	}
}

// coarse adds what a clock of microseconds makes: spans without length, and several that begin at one moment.
func (l *line) coarse(us float64) {
	l.begin(us, 2, "pipeline_forward")
	l.begin(us, 5, "resize::scale")
	l.end(us)
	l.begin(us, 5, "resize::scale")
	l.span(us, 0, 5, "resize::row")
	l.span(us, 0, 5, "resize::row")
	l.span(us, 2, 5, "resize::row")
	l.end(us + 2)
	l.span(us+2, 0, 5, "resize::row")
	l.end(us + 2)
	l.span(us+2, 0, 2, "pipeline_forward")
	l.span(us+2, 1, 2, "pipeline_forward")
}

// onDevice is a folder of traces with device events of two ranks that share device numbers and correlations.
func onDevice(t *testing.T) (dir string, files []string) {
	n := names{}
	dir = t.TempDir()
	return dir, paths(dir, export(t, profileIn(dir), core(n).batch(), gpuRank(n, 0, 3), gpuRank(n, 1, 3)))
}

func paths(dir string, artifacts []profiler.Artifact) (files []string) {
	for _, a := range artifacts {
		files = append(files, filepath.Join(dir, filepath.FromSlash(a.Name)))
	}
	return files
}

func TestPerfetto(t *testing.T) {
	type loaded struct {
		File                                string
		Problems                            []any
		Slices, Flows, Counters, Unfinished int
	}
	tools := viewers(t)
	for name, make := range map[string]func(*testing.T) (string, []string){"served": served, "device": onDevice} {
		t.Run(name, func(t *testing.T) {
			_, files := make(t)
			for i, got := range run[[]loaded](t, tools, "perfetto.mjs", append([]string{filepath.Join(tools, "perfetto")}, files...)...) {
				merged := i == len(files)-1
				if len(got.Problems) > 0 || got.Slices == 0 || got.Unfinished > 0 {
					t.Errorf("%+v", got)
				}
				if wantFlows := merged || name == "device"; (got.Flows > 0) != wantFlows {
					t.Errorf("%s: %d flows", got.File, got.Flows)
				}
			}
		})
	}
}

func TestCatapult(t *testing.T) {
	type loaded struct {
		File     string
		Problems []string
		Flows    int
		Threads  []struct{ Slices int }
	}
	tools := viewers(t)
	for name, make := range map[string]func(*testing.T) (string, []string){"served": served, "device": onDevice} {
		t.Run(name, func(t *testing.T) {
			_, files := make(t)
			for _, got := range run[[]loaded](t, tools, "catapult.mjs", append([]string{filepath.Join(tools, "trace_viewer_full.html")}, files...)...) {
				if len(got.Problems) > 0 || len(got.Threads) == 0 {
					t.Errorf("%+v", got)
				}
			}
		})
	}
}

func TestSpeedscope(t *testing.T) {
	type loaded struct {
		File               string
		Problems, Profiles []string
	}
	tools := viewers(t)
	for name, make := range map[string]func(*testing.T) (string, []string){"served": served, "device": onDevice} {
		t.Run(name, func(t *testing.T) {
			_, files := make(t)
			for _, got := range run[[]loaded](t, tools, "speedscope.mjs", files...) {
				if len(got.Problems) > 0 || len(got.Profiles) == 0 {
					t.Errorf("%+v", got)
				}
			}
		})
	}
}

func TestTensorBoard(t *testing.T) {
	type loaded struct {
		Problems []string
		Workers  map[string]struct {
			Views, Operators []string
			Steps, Kernels   int
		}
	}
	tools := viewers(t)
	for name, make := range map[string]func(*testing.T) (string, []string){"served": served, "device": onDevice} {
		t.Run(name, func(t *testing.T) {
			dir, files := make(t)
			got := run[loaded](t, tools, "tensorboard.py", dir)
			if len(got.Problems) > 0 || len(got.Workers) != len(files)-1 {
				t.Errorf("%d files: %+v", len(files), got)
			}
			for worker, w := range got.Workers {
				if (name == "device") != (w.Kernels > 0) || name == "device" && !slices.Contains(w.Views, "Kernel") {
					t.Errorf("%s: %+v", worker, w)
				}
			}
		})
	}
}

func TestHolisticTraceAnalysis(t *testing.T) {
	type loaded struct {
		Problems []string
		Negative int // durations below zero
		Ranks    []int
		Linked   map[string]int
		GPU      *struct {
			Kernels  int
			Launches map[string]int
			Busy     []float64 `json:"busy_us"`
		}
	}
	tools := viewers(t)
	t.Run("served", func(t *testing.T) {
		dir, files := served(t)
		got := run[loaded](t, tools, "holistic.py", dir)
		if len(got.Problems) > 0 || len(got.Ranks) != len(files)-1 {
			t.Errorf("%d files: %+v", len(files), got)
		}
	})
	t.Run("device", func(t *testing.T) {
		dir, _ := onDevice(t)
		got := run[loaded](t, tools, "holistic.py", dir)
		if len(got.Problems) > 0 || got.GPU == nil || got.GPU.Kernels == 0 || got.GPU.Launches["0"] == 0 || got.Linked["1"] == 0 {
			t.Errorf("%+v", got)
		}
		t.Setenv("HTA_DISABLE_NS_ROUNDING", "1")
		exact := run[loaded](t, tools, "holistic.py", dir)
		if exact.Negative > 0 || exact.GPU == nil || exact.GPU.Busy[0] <= got.GPU.Busy[0] {
			t.Errorf("not rounded: %+v", exact)
		}
	})
}
