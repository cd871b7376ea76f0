package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// strobeFor runs the program in this process against a server and gives its status and output.
func strobeFor(t *testing.T, p *process, args ...string) (status int, out, errs string) {
	t.Helper()
	t.Setenv(envServer, p.url)
	t.Setenv(envToken, "")
	var stdout, stderr bytes.Buffer
	status = run(args, stdio{in: strings.NewReader(""), out: &stdout, err: &stderr})
	return status, stdout.String(), stderr.String()
}

// TestBenchOffline is a command line that people of vLLM-Omni have, which there needs a network, with a profile.
func TestBenchOffline(t *testing.T) {
	p := startServer(t)
	status, out, errs := strobeFor(t, p, strings.Fields("bench --dataset vbench --task i2i --num-prompts 1 --profile")...)
	if status != 0 {
		t.Fatalf("status %d\n%s\n%s", status, out, errs)
	}
	for _, want := range []string{
		"Profiling started on server.", "Profiling stopped on server. Trace files saved.", "Serving Benchmark Result",
		"Successful requests:                     1/1", "denoise_step", "GFLOP/s", "slowest request: req-", "losses: none", "merged/",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for line := range strings.Lines(out) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 && !strings.Contains(line, p.dir) {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

// TestClientAgainstServer goes through the client commands with the real thing.
func TestClientAgainstServer(t *testing.T) {
	p := startServer(t)
	dir := t.TempDir()
	heart := filepath.Join(dir, "heart.png")
	must := func(want string, args ...string) string {
		t.Helper()
		status, out, errs := strobeFor(t, p, args...)
		if status != 0 || !strings.Contains(out, want) {
			t.Fatalf("strobe %s: status %d, want 0 and %q\n%s\n%s", strings.Join(args, " "), status, want, out, errs)
		}
		return out
	}
	must("seed 7", "generate", "red heart", "-o", heart, "--seed", "7", "--steps", "2", "--size", "48x48")
	must("seed 7", "generate", "red heart", "-o", heart+"2.png", "--seed", "7", "--steps", "2", "--size", "48x48")
	first, _ := os.ReadFile(heart)
	second, _ := os.ReadFile(heart + "2.png")
	if len(first) == 0 || !bytes.Equal(first, second) {
		t.Errorf("the same seed makes other pictures: %d and %d bytes", len(first), len(second))
	}
	must("no profile is recording", "profile", "status")
	must("recording", "profile", "start", "--label", "by hand")
	must("48x48", "generate", "blue heart", "-o", heart, "--image", heart, "--strength", "0.5", "--steps", "4", "--size", "48x48")
	must("denoise_step", "profile", "stop")
	must("by hand", "profile", "list")
	must("stage_0_diffusion_rank0", "profile", "show", "latest")
	must("merged", "profile", "download", "latest", "-o", dir)
	if traces, _ := filepath.Glob(filepath.Join(dir, "merged", "*.trace.json.gz")); len(traces) != 1 {
		t.Errorf("downloaded: %v", traces)
	}
	if status, _, errs := strobeFor(t, p, "profile", "stop"); status != 1 || !strings.Contains(errs, "no_active_profile") {
		t.Errorf("status %d, %s", status, errs)
	}
}
