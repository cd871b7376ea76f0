package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestViewersOpenRealTraces opens what a real server wrote in the real viewers; none may complain. (profilers/chrome
// does the same with traces that hold every kind of event.)
func TestViewersOpenRealTraces(t *testing.T) {
	full(t, "Perfetto, catapult, speedscope, TensorBoard's plugin and HolisticTraceAnalysis; install them with `. .ci/viewers.sh`")
	tools := os.Getenv("STROBE_VIEWERS")
	if tools == "" {
		t.Fatal("STROBE_VIEWERS is not set: source .ci/viewers.sh")
	}
	dir := t.TempDir()
	write(t, dir, "plugins.hcl", twoRanks)
	p := startServerIn(t, dir)
	p.post("/start_profile", "")
	for i := range 4 {
		p.draw(i, 3)
	}
	view := p.stopProfile()
	folder := filepath.Join(dir, "profiles", view.ID)
	var files []string
	for _, a := range view.Artifacts {
		files = append(files, filepath.Join(folder, a.Path))
	}
	if len(files) != 4 {
		t.Fatalf("artifacts: %+v", view.Artifacts)
	}
	python := filepath.Join(tools, "venv/bin/python")
	for script, args := range map[string][]string{
		"perfetto.mjs":   append([]string{"node", "perfetto.mjs", filepath.Join(tools, "perfetto")}, files...),
		"catapult.mjs":   append([]string{"node", "catapult.mjs", filepath.Join(tools, "trace_viewer_full.html")}, files...),
		"speedscope.mjs": append([]string{"node", "speedscope.mjs"}, files...),
		"tensorboard.py": {python, "tensorboard.py", folder},
		"holistic.py":    {python, "holistic.py", folder},
	} {
		t.Run(script, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
			cmd.Dir = "../../profilers/chrome/viewers"
			cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(tools, "node_modules"), "HOME="+t.TempDir())
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			t.Logf("%s", out)
			if err != nil {
				t.Fatalf("%v\n%s", err, &stderr)
			}
			// Each script prints what it loaded, with a list of what the viewer complained about.
			compact := strings.Join(strings.Fields(string(out)), "")
			if n := strings.Count(strings.ToLower(compact), `"problems":[`); n == 0 || n != strings.Count(strings.ToLower(compact), `"problems":[]`) {
				t.Errorf("the viewer complained:\n%s", out)
			}
		})
	}
}

// twoRanks is the shipped model with two processes for its first stage.
const twoRanks = `
server {
  profilers = ["chrome"]
}
model "emoji" {
  stage "diffusion" {
    plugin   = "dit"
    replicas = 2
  }
  stage "resize" {
  }
}
profiler "chrome" {
}
`
