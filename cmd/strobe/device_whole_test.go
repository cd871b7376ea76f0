package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/core/profile"
)

// withoutGPU is a served model whose device events are wanted in one way or the other, from a library that is not there.
const withoutGPU = `
server {
  profilers = ["chrome", "perfetto", "nsight"]
}
model "emoji" {
  stage "diffusion" {
    plugin = "dit"
    config {
      cuda         = "MODE"
      cuda_library = "/none/libcupti.so.12"
    }
  }
}
profiler "chrome" {
}
profiler "perfetto" {
}
profiler "nsight" {
}
`

// TestDeviceEventsAbsent: the replies to start and stop, the artifact and the manifest say that device events are absent, and why; where they
// are required, no profile starts.
func TestDeviceEventsAbsent(t *testing.T) {
	const why = "device events are absent: libcupti was not found"
	dir := t.TempDir()
	write(t, dir, "plugins.hcl", strings.ReplaceAll(withoutGPU, "MODE", "auto"))
	p := startServerIn(t, dir)
	var started profile.View
	if r := p.post("/start_profile", ""); json.Unmarshal(r.body, &started) != nil || len(started.Warnings) != 1 || !strings.Contains(started.Warnings[0], why) {
		t.Errorf("at the start: %d %s", r.status, r.body)
	}
	if r := p.post("/v1/images/generations", `{"prompt":"noto owl","num_inference_steps":2}`); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	view := p.stopProfile()
	if view.State != profile.StateComplete || len(view.Warnings) != 1 || !strings.Contains(view.Warnings[0], why) {
		t.Errorf("%s, warnings %q", view.State, view.Warnings)
	}
	if status, out, errs := strobeFor(t, p, "profile", "start"); status != 0 || !strings.Contains(out, "\nwarning: stage_0_diffusion_rank0: device events are absent") {
		t.Errorf("strobe profile start: %d\n%s\n%s", status, out, errs)
	}
	p.stopProfile()
	says := map[string]string{
		"recording/profile.json": why, "recording/summary.json": `"libcupti was not found`, ".json.gz": `"device_events": "absent: libcupti was not found`,
		".pftrace": "device events absent: libcupti was not found", ".sqlite": "STROBE_NO_DEVICE_EVENTS",
	}
	for _, path := range append([]string{"recording/profile.json", "recording/summary.json"}, view.Traces...) {
		text := strings.ReplaceAll(readMaybeZipped(t, filepath.Join(dir, "profiles", view.ID, path)), `":"`, `": "`)
		for of, want := range says {
			if strings.HasSuffix(path, of) && (!strings.Contains(text, want) || !strings.Contains(text, "libcupti was not found")) {
				t.Errorf("%s does not say why device events are absent", path)
			}
		}
	}
	for _, f := range view.Artifacts {
		if f.Profiler == "nsight" != strings.Contains(f.Description, "nsys stats") {
			t.Errorf("%s is said to be %q", f.Name, f.Description)
		}
	}
	if len(view.Traces) != 4 { // chrome's merged one and the rank's, perfetto's and nsight's
		t.Errorf("traces: %q", view.Traces)
	}
	dir = t.TempDir()
	write(t, dir, "plugins.hcl", strings.ReplaceAll(withoutGPU, "MODE", "required"))
	p = startServerIn(t, dir)
	if r := p.post("/start_profile", ""); r.status < 500 || !strings.Contains(string(r.body), why) {
		t.Errorf("required: %d %s", r.status, r.body)
	}
}

// readMaybeZipped reads a file, unzipped.
func readMaybeZipped(t *testing.T, path string) string {
	t.Helper()
	if !strings.HasSuffix(path, ".gz") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	out, err := exec.Command("gzip", "-dc", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestGPUCheck runs what `make gpu-check` runs, with the library that stands in for NVIDIA's.
func TestGPUCheck(t *testing.T) {
	if os.Getenv("STROBE_TEST") != "full" {
		t.Skip("STROBE_TEST=full: needs gcc, builds four programs; install with apt-get install gcc libc6-dev")
	}
	dir := t.TempDir()
	buildExample(t, "../../examples/model-cuda", dir)
	for from, to := range map[string]string{"../../cmd/strobe": "strobe", "../../examples/model-cuda/check": "gpu-check"} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, to), ".")
		build.Dir = from
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	standIn(t, dir)
	if nsys := os.Getenv("STROBE_NSYS"); nsys != "" {
		t.Setenv("PATH", os.Getenv("PATH")+":"+filepath.Dir(nsys))
	}
	check := exec.Command("./gpu-check", "-requests", "3", "-steps", "5")
	check.Dir = dir
	out, err := check.CombinedOutput()
	if err != nil || strings.Count(string(out), "600 launches, 600 kernels") != 4 || strings.Count(string(out), "600 kernels in its output") != 3 ||
		!strings.Contains(string(out), "its output not read") && !strings.Contains(string(out), "600 kernels in what nsys says") {
		t.Errorf("%v: %s", err, out)
	}
}
