//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestReasons: each way in which there can be no device events is an error of the start when they are required, and else
// a note and a fact of the recording.
func TestReasons(t *testing.T) {
	for _, test := range []struct {
		name   string
		set    map[int32]int64
		path   string
		want   []error
		detail string
	}{
		{"no library", nil, "/none/libcupti.so.12", []error{ErrNoLibrary}, ""},
		{"no library, but another", nil, "libc.so.6", []error{ErrNoLibrary}, "no libcupti that can be used"},
		{"too old", map[int32]int64{setVersion: 18}, "", []error{ErrTooOld}, "11.8"},
		{"held by another tool, as CUPTI says", map[int32]int64{setSubscribeResult: resultSubscribers}, "", []error{ErrHeld}, "result 39"},
		{"held by another tool, as old ones say", map[int32]int64{setSubscribeResult: resultMaxLimit}, "", []error{ErrHeld}, "nsys"},
		{"held by a tool of the old kind", map[int32]int64{setSubscribeResult: resultLegacy}, "", []error{ErrHeld}, "result 38"},
		{"held, as is said later", map[int32]int64{setEnableResult: resultSubscribers}, "", []error{ErrHeld}, "control = "},
		{"privileges", map[int32]int64{setEnableResult: resultPrivileges}, "", []error{ErrPrivileges}, "NVreg_RestrictProfilingToAdminUsers"},
		{"virtualised", map[int32]int64{setEnableResult: resultVirtualised}, "", []error{ErrVirtualised}, ""},
		{"not initialised", map[int32]int64{setEnableResult: resultNotInit}, "", []error{ErrNotReady}, "NOT_INITIALIZED"},
		{"not initialised as there is no device", map[int32]int64{setEnableResult: resultNotInit, setInitResult: 100}, "", []error{ErrNotReady, ErrNoDevice}, "result 100"},
		{"no device", map[int32]int64{setDevices: -1}, "", []error{ErrNoDevice}, "CUDA_VISIBLE_DEVICES"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := stand(t)
			for what, v := range test.set {
				s.set(what, v)
			}
			path := s.path
			if test.path != "" {
				path = test.path
			}
			r, _ := collect(t, Options{Mode: Required, Library: path})
			segment := filepath.Join(t.TempDir(), "a.seg")
			err := r.Start(trace.Start{Path: segment, MaxBytes: 8 << 20})
			for _, want := range test.want {
				if !errors.Is(err, want) {
					t.Errorf("required: %v, want %v", err, want)
				}
			}
			if err == nil || !strings.Contains(err.Error(), test.detail) || r.On() {
				t.Errorf("required: %v; recording %v", err, r.On())
			}
			if s.get(getSubscribed)+s.get(getEnabled) != 0 {
				t.Error("something was left on")
			}
			r, _ = collect(t, Options{Library: path})
			dir := start(t, r, trace.Start{})
			r.Track("worker").Begin(nameStep).End()
			st := stop(t, r)
			if len(st.Notes) != 1 || !strings.HasPrefix(st.Notes[0], "device events are absent: ") || !strings.Contains(st.Notes[0], test.detail) {
				t.Errorf("auto: %q", st.Notes)
			}
			events, _, sum := read(t, dir)
			fact := sum.Process.Fact("cuda", 0)
			if len(events) != 1 || fact.Arg("state").Text != stateAbsent || "device events are absent: "+fact.Arg("reason").Text != st.Notes[0] {
				t.Errorf("auto: %d events, %q, %q", len(events), fact.Arg("state").Text, fact.Arg("reason").Text)
			}
		})
	}
}

func TestOneAtATime(t *testing.T) {
	s := stand(t)
	r, _ := collect(t, Options{Mode: Required, Library: s.path})
	start(t, r, trace.Start{})
	other, _ := collect(t, Options{Mode: Required, Library: s.path})
	if err := other.Start(trace.Start{Path: filepath.Join(t.TempDir(), "b.seg"), MaxBytes: 8 << 20}); !errors.Is(err, ErrBusy) {
		t.Errorf("a second recorder: %v", err)
	}
	stop(t, r)
	start(t, other, trace.Start{})
	stop(t, other)
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"mode": {Mode: "on"}, "kernels": {Events: []string{"kernels"}}, "1024 bytes": {BufferBytes: 1024},
	} {
		r, _ := collect(t, o)
		err := r.Start(trace.Start{Path: filepath.Join(t.TempDir(), "a.seg"), MaxBytes: 8 << 20})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChosenEvents(t *testing.T) {
	s := stand(t)
	r, c := collect(t, Options{Mode: Required, Library: s.path, Events: []string{EventKernel}})
	dir := start(t, r, trace.Start{})
	(&program{s, c, r.Track("worker"), 5}).run("req")
	stop(t, r)
	events, _, _ := read(t, dir)
	kinds := map[trace.WorkKind]int{}
	for _, e := range events {
		kinds[e.Work.Kind]++
	}
	if d := cmp.Diff(map[trace.WorkKind]int{trace.WorkOther: 6, trace.WorkKernel: 11}, kinds); d != "" {
		t.Error(d)
	}
	linked := slices.DeleteFunc(ofKind(events, trace.WorkKernel), func(e event) bool { return e.Work.Track == nil })
	if len(linked) != 10 {
		t.Errorf("%d kernels have their spans though no call was recorded", len(linked))
	}
}

// TestNothingIsLoadedWhenOff: not even looked for.
func TestNothingIsLoadedWhenOff(t *testing.T) {
	s := stand(t)
	for _, control := range []string{"", string(trace.ControlCUDAProfiler)} {
		out, _ := inChild(t, Off, s.path, childEnv+"_CONTROL="+control)
		if strings.Contains(out, "mapped: true") || !strings.Contains(out, "error: <nil>") || (control != "") != strings.Contains(out, `is \"off\"`) {
			t.Errorf("control %q:\n%s", control, out)
		}
	}
}

// TestInNewProcess finds the libraries by the loader's path.
func TestInNewProcess(t *testing.T) {
	s := stand(t)
	libraries := t.TempDir()
	for _, name := range []string{"libcuda.so.1", "libcupti.so.12"} {
		if err := os.Symlink(s.path, filepath.Join(libraries, name)); err != nil {
			t.Fatal(err)
		}
	}
	out, dir := inChild(t, Required, "", "LD_LIBRARY_PATH="+libraries)
	if !strings.Contains(out, "error: <nil>") || !strings.Contains(out, "notes: []") {
		t.Error(out)
	}
	if _, _, sum := read(t, dir); sum.Process.Fact("cuda device", 0).Arg("name").Text != "Stand-in" {
		t.Errorf("%+v", sum.Process.Facts)
	}
}

// TestNoDriver: CUPTI is there, as in Python's packages, and the driver is not.
func TestNoDriver(t *testing.T) {
	stand(t)
	skipWith(t, "libcuda.so")
	path, err := buildStandin("libcupti.so.12") // whose own name is not the driver's
	if err != nil {
		t.Fatal(err)
	}
	out, _ := inChild(t, Required, path)
	if !strings.Contains(out, ErrNoDriver.Error()) || !strings.Contains(out, "not recording") || !strings.Contains(out, "libcupti mapped: true") {
		t.Errorf("required:\n%s", out)
	}
	out, dir := inChild(t, Auto, path)
	if !strings.Contains(out, "device events are absent: "+ErrNoDriver.Error()) || !strings.Contains(out, "error: <nil>") {
		t.Errorf("auto:\n%s", out)
	}
	if _, _, sum := read(t, dir); !strings.HasPrefix(sum.Process.Fact("cuda", 0).Arg("reason").Text, ErrNoDriver.Error()) {
		t.Errorf("%+v", sum.Process.Facts)
	}
}

// TestRealCUPTI: NVIDIA's own libraries load without a GPU and say that they are not initialised.
func TestRealCUPTI(t *testing.T) {
	if os.Getenv("STROBE_TEST") != "full" {
		t.Skip("STROBE_TEST=full: needs libcupti; install with .ci/cupti.sh")
	}
	if _, err := os.Stat("/dev/nvidiactl"); err == nil {
		t.Skip("there is a GPU: make gpu-check tries it")
	}
	for _, test := range []struct {
		version, variable, packages string
		says                        []string
	}{
		{"12.9", "STROBE_CUPTI_12", "cuda_cupti", []string{"libcupti.so.12 of CUDA 12.9: ", "NOT_INITIALIZED"}},
		{"13.4", "STROBE_CUPTI_13", "cu13", []string{"libcupti.so.13: ", "result 999"}}, // which does not even tell its version
	} {
		t.Run(test.version, func(t *testing.T) {
			variable := test.variable
			path := os.Getenv(variable)
			if path == "" {
				t.Fatalf("%s is not set; . .ci/cupti.sh", variable)
			}
			out, _ := inChild(t, Required, path)
			for _, want := range append(test.says, ErrNoDriver.Error(), "not recording", "libcupti mapped: true") {
				if !strings.Contains(out, want) {
					t.Errorf("required says nothing of %q:\n%s", want, out)
				}
			}
			// As Python's packages lie in a virtual environment.
			packages := filepath.Join(t.TempDir(), "lib/python3.11/site-packages/nvidia", test.packages)
			if err := os.MkdirAll(packages, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Dir(path), filepath.Join(packages, "lib")); err != nil {
				t.Fatal(err)
			}
			home := packages[:strings.Index(packages, "/lib/python3")]
			out, dir := inChild(t, Auto, "", "VIRTUAL_ENV="+home)
			if !strings.Contains(out, test.says[0]) || !strings.Contains(out, "error: <nil>") {
				t.Errorf("auto:\n%s", out)
			}
			if _, err := recording.Read(t.Context(), dir, func(*recording.Batch) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCandidates(t *testing.T) {
	env := map[string]string{"CUDA_HOME": "/opt/cuda", "VIRTUAL_ENV": "/venv"}
	files := []string{
		"/opt/cuda/extras/CUPTI/lib64/libcupti.so", "/opt/cuda/extras/CUPTI/lib64/libcupti.so.12",
		"/opt/cuda/targets/x86_64-linux/lib/libcupti.so.12", "/venv/lib/python3.11/site-packages/nvidia/cuda_cupti/lib/libcupti.so.12",
		"/venv/lib/python3.11/site-packages/nvidia/cu13/lib/libcupti.so.13", "/usr/local/cuda/extras/CUPTI/lib64/libcupti.so.2024.1.1",
		"/usr/lib/python3/dist-packages/nvidia/cuda_cupti/lib/libcupti.so.12",
	}
	got := soughtCUPTI.candidates(func(name string) string { return env[name] }, func(pattern string) (found []string) {
		for _, f := range files {
			if ok, err := filepath.Match(pattern, f); err != nil {
				t.Error(err)
			} else if ok {
				found = append(found, f)
			}
		}
		return found
	})
	want := []string{
		files[1], files[0], files[2], "libcupti.so.13", "libcupti.so.12", "libcupti.so", files[3], files[4], files[5], files[6],
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestOutside: with control = "cuda_profiler_api" an outside profiler is told, and CUPTI left alone.
func TestOutside(t *testing.T) {
	s := stand(t)
	starts, stops, registered := s.get(getProfilerStarts), s.get(getProfilerStops), s.get(getRegistered)
	r, c := collect(t, Options{Mode: Required, Library: s.path})
	dir := start(t, r, trace.Start{Control: trace.ControlCUDAProfiler})
	if s.get(getProfilerStarts) != starts+1 || s.get(getSubscribed)+s.get(getEnabled) != 0 {
		t.Error("the outside profiler was not told, or CUPTI is in use")
	}
	(&program{s, c, r.Track("worker"), 5}).run("req")
	st := stop(t, r)
	if s.get(getProfilerStops) != stops+1 || len(st.Notes) != 0 || s.get(getRegistered) != registered {
		t.Errorf("%d stops, %q", s.get(getProfilerStops)-stops, st.Notes)
	}
	events, _, sum := read(t, dir)
	if len(events) != 6 || sum.Process.Fact("cuda", 0).Arg("state").Text != stateOutside {
		t.Errorf("%d events, %+v", len(events), sum.Process.Facts)
	}
}

// TestRanges: a tool that wants NVTX sees the spans of bound threads, and all of them end.
func TestRanges(t *testing.T) {
	s := stand(t)
	tools := loadTools(t)
	r, c := collect(t, Options{Mode: Required, Library: s.path})
	for _, attached := range []bool{false, true} {
		t.Setenv(injection, map[bool]string{true: "/a/tool.so"}[attached])
		before := tools(getRanges)
		start(t, r, trace.Start{Control: trace.ControlCUDAProfiler})
		(&program{s, c, r.Track("worker"), 5}).run("req")
		stop(t, r)
		want := int64(0)
		if attached {
			want = 6
		}
		if n := tools(getRanges) - before; n != want || tools(getDepth) != 0 {
			t.Errorf("attached %v: %d ranges, %d open", attached, n, tools(getDepth))
		}
	}
}

// skipWith skips a test on machines whose loader knows a library.
func skipWith(t *testing.T, library string) {
	t.Helper()
	if out, err := exec.Command("ldconfig", "-p").Output(); err == nil && strings.Contains(string(out), library) {
		t.Skip("this machine has " + library)
	}
}

// TestRangesInNewProcess finds NVTX in a Python package, and says so when a tool wants it in vain.
func TestRangesInNewProcess(t *testing.T) {
	s := stand(t)
	for _, l := range []string{"libnvToolsExt", "libnvtx3interop"} {
		skipWith(t, l)
	}
	libraries, packages := t.TempDir(), filepath.Join(t.TempDir(), "lib/python3.11/site-packages/nvidia/cu13/lib")
	if err := os.MkdirAll(packages, 0o755); err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(libraries, "libcuda.so.1"), filepath.Join(packages, "libnvtx3interop.so.1")} {
		if err := os.WriteFile(path, code, 0o600); err != nil { // no links: the loader knows a file that it has loaded
			t.Fatal(err)
		}
	}
	home := packages[:strings.Index(packages, "/lib/python3")]
	for _, test := range []struct {
		name     string
		env      []string
		notes    string
		attached bool
	}{
		{"no tool", []string{"VIRTUAL_ENV=" + home}, "notes: []", false},
		{"no library", []string{injection + "=/a/tool.so"}, "wants spans as NVTX ranges, and gets none: neither libnvToolsExt", false},
		{"a Python package", []string{injection + "=/a/tool.so", "VIRTUAL_ENV=" + home}, "notes: []", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			env := append(test.env, "LD_LIBRARY_PATH="+libraries, childEnv+"_CONTROL="+string(trace.ControlCUDAProfiler))
			out, _ := inChild(t, Required, "", env...)
			if !strings.Contains(out, test.notes) || !strings.Contains(out, "error: <nil>") || strings.Contains(out, "libnvtx3interop mapped: true") != test.attached {
				t.Error(out)
			}
		})
	}
}

func TestNobodyToTell(t *testing.T) {
	skipWith(t, "libcuda")
	out, _ := inChild(t, Required, "", childEnv+"_CONTROL="+string(trace.ControlCUDAProfiler))
	if !strings.Contains(out, ErrNoProfiler.Error()) || !strings.Contains(out, "not recording") {
		t.Error(out)
	}
	out, _ = inChild(t, Auto, "", childEnv+"_CONTROL="+string(trace.ControlCUDAProfiler))
	if !strings.Contains(out, ErrNoProfiler.Error()) || !strings.Contains(out, "error: <nil>") {
		t.Error(out)
	}
}

// TestLoaderSaysWhy: an error of the loader has its reason, however busy the process is.
func TestLoaderSaysWhy(t *testing.T) {
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 200 {
				if _, err := openLibrary("/none/libcupti.so.12", 0); err == nil || !strings.Contains(err.Error(), "/none/libcupti.so.12") {
					t.Errorf("no reason: %v", err)
					return
				}
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
}
