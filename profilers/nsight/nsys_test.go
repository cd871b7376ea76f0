package nsight

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/sdk/recording"
)

// reports of NVIDIA's, and a word of what each must print of the made-up recording.
var reports = map[string]string{
	"cuda_gpu_kern_sum": "void linear", "cuda_api_sum": "cudaLaunchKernel", "cuda_gpu_trace": "Stand-in GPU", "cuda_gpu_mem_time_sum": "Host-to-Device",
	"cuda_gpu_mem_size_sum": "Host-to-Device", "cuda_api_trace": "cudaMemcpyAsync", "nvtx_sum": "denoise_step", "nvtx_gpu_proj_sum": "dit::linear",
	"nvtx_pushpop_sum": "dit::linear", "cuda_kern_exec_sum": "void linear", "nvtx_kern_sum": "dit::linear", "cuda_gpu_sum": "void linear",
}

// TestNsysStats has NVIDIA's own `nsys stats` run its reports over a file: no error, no report skipped, no warning.
func TestNsysStats(t *testing.T) {
	if os.Getenv("STROBE_TEST") != "full" {
		t.Skip("STROBE_TEST=full: needs NVIDIA's nsys out of Debian's nsight-systems-target; install with . .ci/nsys.sh")
	}
	nsys := os.Getenv("STROBE_NSYS")
	if nsys == "" {
		t.Skip("STROBE_NSYS is not set: source .ci/nsys.sh, on linux/amd64")
	}
	dir := t.TempDir()
	a, b := newGPU(0), newGPU(1)
	for range 10 {
		a.step()
		b.step()
	}
	batches := []*recording.Batch{a.batch(), b.batch()}
	path, _ := export(t, profileIn(dir), batches...)
	for report, want := range reports {
		t.Run(report, func(t *testing.T) { stats(t, nsys, report, path, want) })
	}
	t.Run("spans alone", func(t *testing.T) {
		p := profileIn(t.TempDir())
		p.ID = "cpu"
		for _, b := range batches {
			b.Events = spans(b.Events)
		}
		path, _ := export(t, p, batches...)
		for _, report := range []string{"nvtx_sum", "nvtx_pushpop_sum", "nvtx_pushpop_trace"} {
			stats(t, nsys, report, path, "dit::linear")
		}
	})
}

func spans(events []recording.Event) (out []recording.Event) {
	for _, e := range events {
		if !e.Track.Device && !e.Track.Calls {
			out = append(out, e)
		}
	}
	return out
}

// stats runs one report. nsys ends with status 0 even when a report failed.
func stats(t *testing.T, nsys, report, path, want string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), nsys, "stats", "--report", report, "--format", "csv", "--output", "-", path)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err != nil || !strings.Contains(text, want) {
		t.Errorf("%s: %v\n%s", report, err, text)
	}
	for _, bad := range []string{"ERROR", "SKIPPED", "WARN", "Warning", "rror:", "Traceback"} {
		if strings.Contains(text, bad) {
			t.Errorf("%s says %q:\n%s", report, bad, text)
		}
	}
	if left, _ := filepath.Glob(path + "-*"); len(left) > 0 {
		t.Errorf("%s left %v", report, left)
	}
}
