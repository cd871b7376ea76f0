package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

const optionsHCL = `
server {
  model     = "emoji"
  profilers = ["chrome"]
}
profile {
  record_prompts = true
}
model "emoji" {
  stage "diffusion" {
    plugin = "dit"
  }
  stage "resize" {
  }
}
profiler "chrome" {
}
`

// profileCall calls a profile route.
func (p *process) profileCall(path, body string) profile.View {
	p.t.Helper()
	var v profile.View
	r := p.post(path, body)
	if err := json.Unmarshal(r.body, &v); r.status != 200 || err != nil {
		p.t.Fatalf("%s: %d %s", path, r.status, r.body)
	}
	return v
}

// drawn makes an image of a few steps.
func (p *process) drawn(steps int) {
	p.t.Helper()
	body := fmt.Sprintf(`{"prompt":"red heart","size":"64x64","num_inference_steps":%d,"response_format":"file"}`, steps)
	if r := p.post("/v1/images/generations", body); r.status != 200 {
		p.t.Fatalf("generate: %d %s", r.status, r.body)
	}
}

// mergedTrace is the trace of all processes.
func (p *process) mergedTrace(t *testing.T, v profile.View) traceFile {
	t.Helper()
	for _, a := range v.Artifacts {
		if strings.HasPrefix(a.Name, "merged/") {
			return parseTrace(t, p.get(a.URL).body)
		}
	}
	t.Fatalf("no merged trace in %+v", v.Artifacts)
	panic("unreachable")
}

// TestProfileOptions has one server make profiles with options, and looks at what they hold.
func TestProfileOptions(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "plugins.hcl", optionsHCL)
	p := startServerIn(t, dir)
	stop := func(v profile.View) profile.View { return p.profileCall("/v1/profiles/"+v.ID+"/stop", "") }

	t.Run("activities", func(t *testing.T) {
		v := p.profileCall("/v1/profiles", `{"activities":["step","pprof"],"stages":[0]}`)
		p.drawn(3)
		v = stop(v)
		trace := p.mergedTrace(t, v)
		if steps := len(trace.named("denoise_step")); steps != 3 || v.Steps != 3 || len(trace.named("http")) != 0 || len(trace.named("dit::linear")) != 0 {
			t.Errorf("%d steps in the trace, %d counted; http %d", steps, v.Steps, len(trace.named("http")))
		}
		if v.Filtered == 0 || v.Losses.Total != 0 {
			t.Errorf("%d filtered, %d lost", v.Filtered, v.Losses.Total)
		}
		var made []string
		for _, a := range v.Artifacts {
			if a.Profiler == "pprof" {
				made = append(made, a.Name)
				if r := p.get(a.URL); r.status != 200 || int64(len(r.body)) != a.Bytes || len(a.SHA256) != 64 {
					t.Errorf("%s: %d, %d bytes", a.Name, r.status, len(r.body))
				}
			}
		}
		if !slices.Equal(made, []string{"cpu.stage_0_diffusion_rank0.pprof", "cpu.core.pprof"}) {
			t.Errorf("CPU profiles %q", made)
		}
		again := p.profileCall("/v1/profiles/"+v.ID+"/export", `{"profiler":"chrome"}`)
		if n := len(p.mergedTrace(t, again).named("denoise_step")); n != 3 || again.Filtered != v.Filtered || len(again.Artifacts) != len(v.Artifacts) {
			t.Errorf("exported again: %d steps, %d filtered, %d artifacts", n, again.Filtered, len(again.Artifacts))
		}
	})

	t.Run("a window of steps", func(t *testing.T) {
		v := p.profileCall("/v1/profiles", `{"start_step":2,"num_steps":2,"min_duration_us":1}`)
		if v.State != profile.StateStarting || v.Waiting == nil || v.Waiting.Steps != 2 {
			t.Errorf("%s, %+v", v.State, v.Waiting)
		}
		var end profile.View
		for tries := 0; tries < 50 && !end.State.Final(); tries++ {
			p.drawn(2)
			if err := json.Unmarshal(p.get("/v1/profiles/"+v.ID).body, &end); err != nil {
				t.Fatal(err)
			}
		}
		if end = stop(v); end.State != profile.StateComplete || end.EndedBy != profile.EndedByNumSteps || end.Steps < 2 || end.Waiting != nil {
			t.Errorf("%s, ended by %s after %d steps", end.State, end.EndedBy, end.Steps)
		}
	})

	t.Run("prompts", func(t *testing.T) {
		for _, asked := range []bool{true, false} {
			v := p.profileCall("/v1/profiles", fmt.Sprintf(`{"record_prompts":%t}`, asked))
			p.drawn(1)
			trace := p.mergedTrace(t, stop(v))
			var prompts []any
			for _, e := range trace.Events {
				if e.Name == "prompt" {
					prompts = append(prompts, e.Args["prompt"])
				}
			}
			if asked != slices.Equal(prompts, []any{"red heart"}) || !asked && len(prompts) > 0 {
				t.Errorf("asked %t: %v", asked, prompts)
			}
		}
		if strings.Contains(p.stderr.String(), "red heart") {
			t.Error("the prompt is in the log")
		}
	})

	t.Run("a killed rank", func(t *testing.T) {
		v := p.profileCall("/v1/profiles", `{"activities":["pprof","step"]}`)
		for _, row := range v.Processes {
			if row.Process == "stage_1_resize_rank0" {
				_ = syscall.Kill(row.PID, syscall.SIGKILL)
			}
		}
		time.Sleep(100 * time.Millisecond)
		v = stop(v)
		if text := strings.Join(v.Warnings, "\n"); !strings.Contains(text, "no CPU profile of stage_1_resize_rank0") {
			t.Errorf("warnings %s", text)
		}
		if !slices.ContainsFunc(v.Artifacts, func(a profile.Artifact) bool { return a.Name == "cpu.core.pprof" }) {
			t.Error("core has none either")
		}
	})
}
