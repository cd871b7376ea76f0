//go:build !windows

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// pythonHCL serves a model in Python, and has a profiler in Python beside chrome.
const pythonHCL = `
server {
  model     = "gradient"
  profilers = ["chrome", "slowest", "loadavg"]
}
model "gradient" {
  stage "diffusion" {
    plugin = "gradient"
    config {
      step_ms = %[5]d
    }
  }
}
profiler "chrome" {}
profiler "slowest" {
  config {
    top = 5
  }
}
profiler "loadavg" {}
plugin "gradient" {
  kind    = "model"
  command = [%[1]q, %[2]q]
}
plugin "slowest" {
  kind    = "profiler"
  command = [%[1]q, %[3]q]
}
plugin "loadavg" {
  kind    = "profiler"
  command = [%[1]q, %[4]q]
}
`

// startPython serves plugins in Python, with more blocks of configuration.
func startPython(t *testing.T, stepMS int, more ...string) *process {
	t.Helper()
	if os.Getenv("STROBE_TEST") != "full" {
		t.Skip("STROBE_TEST=full: needs Python with grpcio and numpy; install with . .ci/python.sh")
	}
	tools := os.Getenv("STROBE_PYTHON")
	if tools == "" {
		t.Fatal("STROBE_PYTHON is not set: install Python's packages with . .ci/python.sh, which sets it")
	}
	sdk, err := filepath.Abs("../../sdk/python")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PYTHONPATH", sdk)
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
	dir := t.TempDir()
	example := func(name string) string { return filepath.Join(sdk, "examples", name) }
	hcl := fmt.Sprintf(pythonHCL, filepath.Join(tools, "venv/bin/python"), example("gradient.py"), example("slowest.py"), example("loadavg.py"), stepMS)
	write(t, dir, "plugins.hcl", hcl+strings.Join(more, ""))
	return startServerIn(t, dir)
}

// TestPythonPlugins profiles a model in Python: its spans are in chrome's trace, in its request, on core's clock and with
// arrows; and profilers in Python export and measure the same profile.
func TestPythonPlugins(t *testing.T) {
	p := startPython(t, 10)
	p.post("/start_profile", "")
	const requests, steps = 2, 4
	for range requests {
		p.drawn(steps)
	}
	view := p.stopProfile()
	if view.State != profile.StateComplete || view.Losses.Total != 0 || len(view.Warnings) > 0 {
		t.Fatalf("%+v", view)
	}
	f := p.mergedTrace(t, view)
	checkRows(t, f)
	checkFlows(t, f, requests)
	for _, h := range f.named("http") {
		dispatch := one(t, f.within(h, "dispatch"), "dispatch")
		var forward []traceEvent
		for _, e := range f.named("pipeline_forward") {
			if e.request() == h.request() {
				forward = append(forward, e)
			}
		}
		e := one(t, forward, "pipeline_forward")
		const slack = 20 // µs: two clocks of one machine, each read within a fraction of that
		if e.TS < dispatch.TS-slack || e.end() > dispatch.end()+slack {
			t.Errorf("pipeline_forward [%.3f, %.3f] is not inside dispatch [%.3f, %.3f]", e.TS, e.end(), dispatch.TS, dispatch.end())
		}
		all := f.within(e, "denoise_step")
		if len(all) != steps {
			t.Errorf("%d denoise steps, want %d", len(all), steps)
		}
		for _, s := range all {
			if len(f.within(s, "blend")) != 1 {
				t.Error("a step without its block")
			}
		}
	}
	for _, a := range view.Artifacts {
		if a.Profiler == "slowest" {
			if csv := string(p.get(a.URL).body); strings.Count(csv, "\n") != 6 || !strings.Contains(csv, "pipeline_forward") {
				t.Errorf("%s:\n%s", a.Name, csv)
			}
			return
		}
	}
	t.Errorf("no artifact of the profiler in Python: %+v", view.Artifacts)
}

// TestPythonRankKilled kills a rank in Python while it works: what it had recorded is in the trace, and it comes back.
func TestPythonRankKilled(t *testing.T) {
	p := startPython(t, 10)
	p.post("/start_profile", "")
	p.drawn(4)
	pid := 0
	for _, proc := range p.profiles()[0].Processes {
		if proc.StageName == "diffusion" {
			pid = proc.PID
		}
	}
	if pid == 0 {
		t.Fatal("no pid of the rank")
	}
	answered := make(chan reply, 1)
	go func() {
		answered <- p.post("/v1/images/generations", `{"prompt":"x","size":"64x64","num_inference_steps":100}`)
	}()
	time.Sleep(300 * time.Millisecond) // into its steps
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if r := <-answered; r.status < 500 || !strings.Contains(string(r.body), "model(gradient)") {
		t.Errorf("a dead rank: %d %s", r.status, r.body)
	}
	gone(pid, 5*time.Second)
	p.post("/stop_profile", "")
	f := p.mergedTrace(t, p.profiles()[0])
	forwards, steps := f.named("pipeline_forward"), f.named("denoise_step")
	if len(forwards) != 2 || len(steps) < 4+5 {
		t.Errorf("%d forwards and %d steps of a killed rank", len(forwards), len(steps))
	}
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		r := p.post("/v1/images/generations", `{"prompt":"x","size":"64x64","num_inference_steps":1}`)
		if r.status == 200 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the rank did not come back: %d %s", r.status, r.body)
		}
	}
}

// TestPythonFlight asks a server what a rank in Python remembers: on the command line, in the middle of a request that has
// seen segments come and go, after a profile, and when the rank is killed.
func TestPythonFlight(t *testing.T) {
	p := startPython(t, 150, `
flight_recorder {
  window = "20s"
  trigger "death" {
    after = "0s"
  }
}
`)
	const steps = 4
	p.drawn(steps)
	status, out, errs := strobeFor(t, p, "profile", "snapshot")
	if status != 0 || !strings.Contains(out, "ended by snapshot") || !strings.Contains(out, "denoise_step") {
		t.Fatalf("status %d\n%s\n%s", status, out, errs)
	}
	v, _ := p.newest("")
	f := p.mergedTrace(t, v)
	if v.State != profile.StateComplete || v.Losses.Total != 0 || len(v.Processes) != 2 || len(f.named("blend")) != steps {
		t.Errorf("%d blocks: %+v", len(f.named("blend")), v)
	}
	checkRows(t, f)
	checkFlows(t, f, 1)

	p.post("/start_profile", "")
	p.drawn(steps)
	if n := len(p.mergedTrace(t, p.stopProfile()).named("denoise_step")); n != steps {
		t.Errorf("the profile in between has %d steps, want %d", n, steps)
	}

	answered := make(chan reply, 1)
	go func() { answered <- p.ask(`{"prompt":"x","size":"64x64","num_inference_steps":100}`, "long", "") }()
	seen, pid := 0, 0
	for deadline := time.Now().Add(time.Minute); seen < 25; time.Sleep(500 * time.Millisecond) { // 20 s / 8 is a segment's time
		v = p.profileCall("/v1/profiles/snapshot", `{"wait":true}`)
		pid, seen = v.Processes[0].PID, inTheMiddle(t, p.mergedTrace(t, v))
		if time.Now().After(deadline) {
			t.Fatalf("%d steps after a minute", seen)
		}
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if r := <-answered; r.status < 500 {
		t.Errorf("a dead rank: %d %s", r.status, r.body)
	}
	v = p.await(profile.TriggerDeath)
	if dead := v.Processes[0]; v.State != profile.StateComplete || dead.PID != pid || dead.Ended != profile.ProcessDied || dead.Events == 0 {
		t.Errorf("%+v", v)
	}
	if n := inTheMiddle(t, p.mergedTrace(t, v)); n < seen {
		t.Errorf("the dead rank left %d steps; %d were seen before", n, seen)
	}
}

// inTheMiddle holds that the long request is open, with its steps from the first one on, and returns how many they are.
func inTheMiddle(t *testing.T, f traceFile) int {
	t.Helper()
	var all []traceEvent
	open := 0
	for _, e := range f.named("pipeline_forward") {
		if e.request() == "long" && e.Args["open"] == true {
			open++
		}
	}
	for _, e := range f.named("denoise_step") {
		if e.request() == "long" {
			all = append(all, e)
		}
	}
	sortByStart(all)
	for i, e := range all {
		if e.Args["step"] != float64(i+1) {
			t.Fatalf("step %d comes as %+v", i+1, e)
		}
	}
	if len(all) > 0 && open != 1 {
		t.Errorf("%d steps of a request that is open %d times", len(all), open)
	}
	return len(all)
}
