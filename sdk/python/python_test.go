// Package python tests the SDK for plugins in Python: with the tools of Python, and from Go's side.
package python

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/plugintest"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

var update = flag.Bool("update", false, "write testdata/written.txt and testdata/remembered.txt")

// interpreter is Python with the SDK's dependencies, and with the SDK installed from its package.
func interpreter(t *testing.T) string {
	t.Helper()
	if os.Getenv("STROBE_TEST") != "full" {
		t.Skip("STROBE_TEST=full: needs Python with grpcio, numpy and pytest; install with . .ci/python.sh")
	}
	dir := os.Getenv("STROBE_PYTHON")
	if dir == "" {
		t.Fatal("STROBE_PYTHON is not set: install Python's packages with . .ci/python.sh, which sets it")
	}
	return filepath.Join(dir, "venv/bin/python")
}

// installed says where the package is, to a test that this one starts again as the host of a plugin.
const installed = "STROBE_PYTHON_INSTALLED"

// install builds the package from a copy of this folder and has Python find it.
func install(t *testing.T, python string) {
	t.Helper()
	if os.Getenv(installed) != "" {
		return
	}
	source, target := t.TempDir(), t.TempDir()
	for _, name := range []string{"strobe_plugin", "pyproject.toml", "README.md"} {
		run(t, "cp", "-r", name, source)
	}
	run(t, python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-index", "--no-build-isolation", "--target", target, source)
	t.Setenv("PYTHONPATH", target)
	t.Setenv(installed, target)
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
}

func run(t *testing.T, command ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(command, " "), err, out, &stderr)
	}
	return string(out)
}

// TestPython has the SDK's own tests run, and its examples keep the contract.
func TestPython(t *testing.T) {
	python := interpreter(t)
	install(t, python)
	t.Run("pytest", func(t *testing.T) {
		t.Setenv("STROBE_GOLDEN", goldens(t))
		run(t, python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
	})
	t.Run("types", func(t *testing.T) {
		run(t, python, "-m", "mypy", "--no-error-summary", "--ignore-missing-imports", "--cache-dir", os.DevNull, "strobe_plugin", "examples/gradient.py", "examples/slowest.py")
	})
	t.Run("written", func(t *testing.T) { testWritten(t, python) })
	t.Run("remembered", func(t *testing.T) { testRemembered(t, python) })
	t.Run("profiler that measures", func(t *testing.T) {
		for _, c := range plugintest.ProfilerChecks(plugintest.ProfilerOptions{NoArtifacts: true, Measures: true}) {
			if c.Name != "measure" {
				continue
			}
			if err := c.Run(t.Context(), plugintest.StartCommand(nil, python, "examples/loadavg.py")); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestExampleModel holds the example of a model to the contract, as a process.
func TestExampleModel(t *testing.T) {
	python := interpreter(t)
	install(t, python)
	plugintest.TestModel(t, plugintest.ModelOptions{
		Command: []string{python, "examples/gradient.py"}, Config: map[string]any{"step_ms": int64(40)},
		BadConfigs: []map[string]any{{"step_ms": int64(-1)}, {"palette": "grey"}, {"step_ms": "fast"}},
	})
}

// TestExampleProfiler holds the example of a profiler to the contract, as a process.
func TestExampleProfiler(t *testing.T) {
	python := interpreter(t)
	install(t, python)
	plugintest.TestProfiler(t, plugintest.ProfilerOptions{
		Command: []string{python, "examples/slowest.py"}, Config: map[string]any{"top": int64(50)},
		BadConfigs: []map[string]any{{"top": int64(0)}, {"tpo": int64(1)}},
	})
}

// goldens is a folder with the segments of each golden, and what they are read as.
func goldens(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	texts, err := filepath.Glob("../recording/testdata/golden/*.txt")
	if err != nil || len(texts) < 6 {
		t.Fatalf("%d goldens: %v", len(texts), err)
	}
	for _, text := range texts {
		name := strings.TrimSuffix(filepath.Base(text), ".txt")
		parse(t, text, filepath.Join(dir, name))
		run(t, "cp", strings.TrimSuffix(text, ".txt")+".events", dir)
	}
	return dir
}

func parse(t *testing.T, text, dir string) {
	t.Helper()
	f, err := os.Open(text)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := recording.ParseTextInto(f, dir); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// testWritten reads what Python wrote: its text is the one committed and gives the same bytes again, and Go's recorder
// makes the same events of the same calls.
func testWritten(t *testing.T, python string) {
	dir := t.TempDir()
	said := run(t, python, "tests/write.py", filepath.Join(dir, "python.seg"), "--fixed")
	checkText(t, dir, "testdata/written.txt")
	other := t.TempDir()
	byGo := record(t, filepath.Join(other, "go.seg"))
	got, sum := events(t, dir)
	wanted, _ := events(t, other)
	if d := cmp.Diff(wanted, got); d != "" {
		t.Errorf("(-go +python):\n%.4000s", d)
	}
	if want := fmt.Sprintln(byGo.Events, sum.Bytes, byGo.Lost.Truncated, byGo.Lost.Names, byGo.Lost.Device); said != want {
		t.Errorf("python says %q of its recording, go %q", said, want)
	}
	if sum.Lost.Corrupt != 0 || sum.Events != byGo.Events {
		t.Errorf("%+v", sum)
	}
}

// testRemembered does the same with what a flight recorder in Python remembers.
func testRemembered(t *testing.T, python string) {
	dir, other := t.TempDir(), t.TempDir()
	said := run(t, python, "tests/write.py", dir, "--flight", "--fixed")
	checkText(t, dir, "testdata/remembered.txt")
	byGo := remember(t, other)
	got, sum := events(t, dir)
	wanted, _ := events(t, other)
	if d := cmp.Diff(wanted, got); d != "" {
		t.Errorf("(-go +python):\n%.4000s", d)
	}
	if want := fmt.Sprintln(byGo.Events, sum.Bytes, 0, 0, 0); said != want {
		t.Errorf("python says %q of its recording, go %q", said, want)
	}
	if sum.Lost.Corrupt != 0 || sum.Events != byGo.Events {
		t.Errorf("%+v", sum)
	}
}

// checkText holds that a folder's segments are those of a committed text, which gives the same bytes again.
func checkText(t *testing.T, dir, golden string) {
	t.Helper()
	var text bytes.Buffer
	if err := recording.WriteFolderText(&text, dir); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(golden, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(string(read(t, golden)), text.String()); d != "" {
		t.Errorf("go test ./sdk/python -update writes it (-want +got):\n%.4000s", d)
	}
	again := filepath.Join(t.TempDir(), "again")
	parse(t, golden, again)
	paths, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		if !bytes.Equal(read(t, path), read(t, filepath.Join(again, filepath.Base(path)))) {
			t.Errorf("the text does not give the same bytes as %s again", filepath.Base(path))
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// events are those of a folder without their times.
func events(t *testing.T, dir string) (lines []string, sum recording.Summary) {
	t.Helper()
	all, err := recording.Read(context.Background(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			line := fmt.Sprintf("%s (%s) %v %v %v %d: %d %q %d, seq %d, open %v, depth %d, parent %d, value %v %v, flow %d, request %q, work %d %d %d", e.Track.Name,
				e.Track.Group, e.Track.Device, e.Track.Calls, e.Track.StreamID, e.Track.ThreadID, e.Kind, e.Name.Text, e.Name.Category, e.Seq, e.Open, e.Depth, e.Parent,
				e.Value, e.Float, e.Flow, e.Request, e.Work.Kind, e.Work.Correlation, e.Work.External)
			for _, a := range e.Args {
				line += fmt.Sprintf(", %q %d %d %v %q", a.Key.Text, a.Type, a.Int, a.Float, a.Text)
			}
			lines = append(lines, line)
		}
		return nil
	})
	if err != nil || len(all) != 1 {
		t.Fatalf("%d processes, %v", len(all), err)
	}
	slices.Sort(lines)
	return lines, all[0]
}

// record does what tests/write.py does.
func record(t *testing.T, path string) trace.Stats {
	t.Helper()
	rec := trace.New(trace.Options{})
	early := rec.Track("worker").Begin(trace.Name("before the start"))
	if err := rec.Start(trace.Start{Path: path, MaxBytes: 16 << 20, Process: trace.Process{Kind: trace.ProcessModel, Name: "python", Model: "test",
		StageName: "diffusion", Rank: 1, Synthetic: true}}); err != nil {
		t.Fatal(err)
	}
	early.End()
	worker := rec.Track("worker")
	gpu := rec.DeviceTrack("stream 7", 0, 1, 7)
	calls := rec.CallTrack("calls", 99)
	worker.Instant(trace.Name("outside"))
	worker.SetRequest("req-1")
	forward := worker.BeginArgs(trace.NameIn(trace.CategoryStage, "pipeline_forward"), trace.Int(trace.Name("width"), 64))
	worker.FlowIn(77)
	for i := range 3 {
		step := worker.BeginArgs(trace.NameIn(trace.CategoryStep, "denoise_step"),
			trace.Int(trace.Name("step"), int64(i)), trace.Float(trace.Name("t"), float64(i)/8), trace.Bool(trace.Name("last"), i == 2))
		linear := worker.BeginArgs(trace.NameIn(trace.CategoryOperator, "linear"),
			trace.Text(trace.Name("module"), trace.Name("blocks.0")), trace.Shapes(trace.Name("Input Dims"), trace.Name("[[2,70],[70]]")))
		worker.Instant(trace.NameIn(trace.CategoryMemory, "[memory]"), trace.Int(trace.Name("Bytes"), -64))
		linear.End()
		at, n := trace.Ticks(i), uint64(i+1)
		calls.Put(&trace.Work{Name: trace.Name("cudaLaunchKernel"), Kind: trace.WorkRuntimeCall, Begin: 1000 + at, End: 2000 + at, Correlation: n, External: step.ID()})
		gpu.Put(&trace.Work{Name: trace.NameIn(trace.CategoryDevice, "kernel"), Kind: trace.WorkKernel, Begin: 3000 + at, End: 4000 + at, Correlation: n,
			External: step.ID(), Args: []trace.Arg{trace.Int(trace.Name("grid"), int64(i))}})
		step.EndArgs(trace.String(trace.Name("note"), "a \"note\"\n\x01 of step ✓"), trace.Float(trace.Name("nan"), math.NaN()), trace.String(trace.Name("empty"), ""))
	}
	worker.FlowOut(78)
	forward.End()
	worker.SetRequest("")
	worker.Count(trace.NameIn(trace.CategoryCounter, "queue"), 5)
	worker.CountFloat(trace.Name("load"), 0.5)
	worker.Instant(trace.Name("long"), trace.String(trace.Name("cut"), strings.Repeat("é", 600)), trace.Int(trace.Name("many"), 1))
	ops := rec.Track("ops")
	outer := ops.Begin(trace.Name("outer"))
	ops.BeginArgs(trace.Name("inner"), trace.Int(trace.Name("k"), 1)).End()
	outer.End()
	ops.Begin(trace.Name("next")).End()
	for i := range trace.Ticks(3) {
		gpu.Put(&trace.Work{Name: trace.Name("copy"), Kind: trace.WorkCopy, Begin: 10 * (i + 1), End: []trace.Ticks{15, 25, 20}[i], Correlation: uint64(i + 7)})
	}
	rec.Lane("request").Begin(0).End()
	worker.Begin(trace.Name(strings.Repeat("x", 5000))).End()
	for i := range 400 {
		worker.BeginArgs(trace.Name("chunk"), trace.Int(trace.Name("i"), int64(i))).End()
	}
	worker.Begin(trace.Name("outer open"))
	worker.Begin(trace.Name("left open"))
	st, err := rec.Stop()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// remember does what tests/write.py does with --flight.
func remember(t *testing.T, dir string) trace.SnapshotStats {
	t.Helper()
	rec := trace.New(trace.Options{})
	defer rec.Close()
	snapshot := func(dir string) trace.SnapshotStats {
		st, err := rec.Snapshot(trace.Snapshot{Dir: dir, Label: "go"})
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	if err := rec.StartFlight(trace.Flight{Dir: t.TempDir(), MaxBytes: 8 << 20, Window: time.Hour, Process: trace.Process{Kind: trace.ProcessModel,
		Name: "python", Model: "test", StageName: "diffusion", Rank: 1, Synthetic: true}}); err != nil {
		t.Fatal(err)
	}
	idle, worker, calls := rec.Track("idle"), rec.Track("worker"), rec.CallTrack("calls", 99)
	idle.SetRequest("long")
	outer := idle.BeginArgs(trace.Name("outer"), trace.Int(trace.Name("n"), 42), trace.String(trace.Name("text"), "é"))
	idle.SetRequest("other")
	idle.Begin(trace.Name("left open"))
	step := worker.BeginArgs(trace.NameIn(trace.CategoryStep, "denoise_step"), trace.Int(trace.Name("step"), 0))
	worker.Instant(trace.Name("first"))
	snapshot(t.TempDir())
	worker.Instant(trace.Name("second"))
	calls.Put(&trace.Work{Name: trace.Name("cudaLaunchKernel"), Kind: trace.WorkRuntimeCall, Begin: 1000, End: 2000, Correlation: 7, External: step.ID()})
	within := worker.Begin(trace.Name("within"))
	snapshot(t.TempDir())
	worker.Count(trace.Name("queue"), 5)
	within.End()
	step.EndArgs(trace.Bool(trace.Name("late"), true))
	worker.FlowOut(78)
	st := snapshot(dir)
	outer.End()
	return st
}
