//go:build !windows

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPerfettoHoldsWhatChromeHolds has one profile exported by both: Perfetto itself counts the same spans, counters and
// arrows in both files.
func TestPerfettoHoldsWhatChromeHolds(t *testing.T) {
	full(t, "Perfetto's trace processor; install it with `. .ci/viewers.sh`")
	tools := os.Getenv("STROBE_VIEWERS")
	if tools == "" {
		t.Fatal("STROBE_VIEWERS is not set: source .ci/viewers.sh")
	}
	dir := t.TempDir()
	write(t, dir, "plugins.hcl", strings.Replace(twoRanks, `["chrome"]`, `["chrome", "perfetto"]`, 1)+"profiler \"perfetto\" {\n}\n")
	p := startServerIn(t, dir)
	p.post("/start_profile", "")
	for i := range 4 {
		p.draw(i, 3)
	}
	view := p.stopProfile()
	args := []string{"perfetto.mjs", filepath.Join(tools, "perfetto")}
	for _, a := range view.Artifacts {
		if strings.HasPrefix(a.Name, "merged/") || strings.HasSuffix(a.Name, ".pftrace") {
			args = append(args, filepath.Join(dir, "profiles", view.ID, a.Path))
		}
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Dir = "../../profilers/chrome/viewers"
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(tools, "node_modules"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var got []struct {
		File                                              string
		Problems                                          []any
		Slices, Flows, Counters, Steps, Depth, Unfinished int
	}
	if jerr := json.Unmarshal(out, &got); err != nil || jerr != nil || len(got) != 2 {
		t.Fatalf("%v %v: %s", err, jerr, out)
	}
	chrome, native := got[0], got[1]
	if strings.HasSuffix(chrome.File, ".pftrace") {
		chrome, native = native, chrome
	}
	// Chrome's file says each denoise step once more, in the words that PyTorch's tools look for.
	if len(native.Problems) > 0 || native.Slices == 0 || native.Slices != chrome.Slices-chrome.Steps ||
		native.Flows != chrome.Flows || native.Counters != chrome.Counters || native.Unfinished > 0 {
		t.Errorf("perfetto: %+v\nchrome: %+v", native, chrome)
	}
}
