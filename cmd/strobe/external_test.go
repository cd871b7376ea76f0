package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExternalPlugin builds the example profiler, a module of its own, pins it by checksum and profiles with it and with
// chrome at once: one recording, two exports.
func TestExternalPlugin(t *testing.T) {
	dir := t.TempDir()
	buildExample(t, "../../examples/profiler-steps", dir)
	bin := filepath.Join(dir, "profiler-steps")
	program, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(program)
	write(t, dir, "plugins.hcl", fmt.Sprintf(`
server {
  profilers = ["chrome", "steps"]
}
model "emoji" {
  stage "diffusion" {
    plugin = "dit"
  }
}
profiler "chrome" {
}
profiler "steps" {
  plugin = "mine"
}
plugin "mine" {
  kind    = "profiler"
  command = ["./profiler-steps"]
  sha256  = "%s"
}
`, hex.EncodeToString(sum[:])))
	p := startServerIn(t, dir)
	p.post("/start_profile", "")
	if r := p.post("/v1/images/generations", `{"prompt":"noto owl","num_inference_steps":3}`); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	view := p.stopProfile()
	var names []string
	for _, a := range view.Artifacts {
		if a.Profiler == "steps" {
			names = append(names, a.Name)
			text, err := os.ReadFile(filepath.Join(dir, "profiles", view.ID, a.Path))
			if err != nil {
				t.Fatal(err)
			}
			if lines := strings.Count(string(text), "\n"); lines != 1+3 {
				t.Errorf("%s has %d lines, want a header and 3 steps:\n%s", a.Name, lines, text)
			}
		}
	}
	if len(names) != 1 || len(view.Artifacts) < 3 {
		t.Errorf("artifacts: %+v", view.Artifacts)
	}
}
