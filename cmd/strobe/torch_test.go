package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// torchPlugin is the command of examples/diffusers-model on the Python that .ci/torch.sh made, and the folder of a pipeline
// with random weights.
func torchPlugin(t *testing.T) (command []string, pipeline string) {
	t.Helper()
	full(t, "torch and diffusers; install them with `. .ci/versions; . .ci/torch.sh`")
	python := os.Getenv("STROBE_TORCH")
	if python == "" {
		t.Fatal("STROBE_TORCH is not set: source .ci/versions and .ci/torch.sh")
	}
	example, err := filepath.Abs("../../examples/diffusers-model")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PYTHONPATH", filepath.Join(example, "../../sdk/python"))
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
	t.Setenv("HF_HUB_OFFLINE", "1")
	pipeline = filepath.Join(t.TempDir(), "pipeline")
	runOutside(t, example, []string{python, "tiny_pipeline.py", pipeline})
	return []string{python, filepath.Join(example, "plugin.py")}, pipeline
}

// startTorch serves the pipeline.
func startTorch(t *testing.T) *process {
	t.Helper()
	command, pipeline := torchPlugin(t)
	dir := t.TempDir()
	write(t, dir, "plugins.hcl", fmt.Sprintf(`
server {
  profilers = ["chrome"]
}
model "tiny" {
  stage "diffusion" {
    plugin = "diffusers"
    config {
      model_path = %q
      max_size   = 128
    }
  }
}
profiler "chrome" {
}
plugin "diffusers" {
  kind    = "model"
  command = [%q, %q]
}
`, pipeline, command[0], command[1]))
	return startServerIn(t, dir)
}

// TestTorchProfile serves a diffusers pipeline and profiles it: torch's operators lie in the denoise steps of their request.
func TestTorchProfile(t *testing.T) {
	p := startTorch(t)
	const ask = `{"prompt":"a red heart","negative_prompt":"blue","seed":7,"num_inference_steps":%d,"n":1,"response_format":"file"}`
	before := p.post("/v1/images/generations", fmt.Sprintf(ask, 3))
	if before.status != 200 {
		t.Fatalf("%d %s", before.status, before.body)
	}
	if img, err := png.Decode(bytes.NewReader(before.body)); err != nil || img.Bounds().Dx() != 64 || img.Bounds().Dy() != 64 {
		t.Fatalf("%v, %v", img, err)
	}
	if r := p.post("/v1/images/generations", `{"prompt":"a","size":"60x60"}`); r.status != 400 || !strings.Contains(string(r.body), "multiples of 8") {
		t.Errorf("%d %s", r.status, r.body)
	}
	p.post("/start_profile", "")
	steps := map[string]int{}
	for _, n := range []int{2, 3} {
		id := fmt.Sprintf("torch-%d", n)
		r := p.ask(fmt.Sprintf(ask, n), id, "")
		if r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		if n == 3 && !bytes.Equal(r.body, before.body) {
			t.Error("the profile changed the picture")
		}
		steps[id] = n
	}
	v := p.stopProfile()
	if v.Losses.Total != 0 || v.Steps != 2+3 || len(v.Artifacts) != 2 {
		t.Errorf("%+v", v)
	}
	f := parseTrace(t, p.get("/v1/profiles/"+v.ID+"/artifacts/merged/"+v.ID+".trace.json.gz").body)
	checkRows(t, f)
	checkFlows(t, f, 2)
	checkTorch(t, f, steps)
}

// checkTorch holds that the trace has the parts of each request, by the number of its steps, and torch's operators in them.
func checkTorch(t *testing.T, f traceFile, steps map[string]int) {
	t.Helper()
	forwards := f.named("pipeline_forward")
	if len(forwards) != len(steps) {
		t.Fatalf("%d pipeline_forward spans, want %d", len(forwards), len(steps))
	}
	for _, forward := range forwards {
		id := forward.request()
		if n := len(f.within(forward, "text_encoder")); n != 2 { // the prompt and the negative one
			t.Errorf("%s: %d text_encoder spans, want 2", id, n)
		}
		decode := one(t, f.within(forward, "vae.decode"), "vae.decode")
		all := f.within(forward, "denoise_step")
		sortByStart(all)
		if len(all) != steps[id] {
			t.Fatalf("%s: %d denoise_step spans, want %d", id, len(all), steps[id])
		}
		for i, s := range all {
			if s.Args["step"] != float64(i) || s.Args["t"] == nil || s.request() != id || s.end() > decode.TS {
				t.Errorf("%s: step %d is %+v", id, i, s)
			}
			for _, block := range []string{"down_blocks.0", "mid_block", "up_blocks.1", "mid_block.attentions.0.transformer_blocks.0"} {
				one(t, f.within(s, block), block)
			}
			checkOperators(t, f, s)
		}
		if len(f.within(decode, "aten::convolution")) == 0 {
			t.Errorf("%s: no convolution in vae.decode", id)
		}
	}
}

// checkOperators holds that a step has the operators of the network, with shapes and a type, on the step's own row.
func checkOperators(t *testing.T, f traceFile, step traceEvent) {
	t.Helper()
	for _, name := range []string{"aten::convolution", "aten::addmm", "aten::native_group_norm"} {
		operators := f.within(step, name)
		if len(operators) < 10 {
			t.Errorf("step %v of %s: %d operators %s", step.Args["step"], step.request(), len(operators), name)
		}
		for _, e := range operators {
			if dims, _ := e.Args["Input Dims"].([]any); e.Cat != "cpu_op" || e.request() != step.request() || len(dims) < 2 || e.Args["dtype"] != "float32" {
				t.Fatalf("%+v", e)
			}
		}
	}
}

// TestTorchKilled kills the rank within a step: everything that was recorded before, operators too, is in the trace.
func TestTorchKilled(t *testing.T) {
	p := startTorch(t)
	var v profile.View
	if r := p.post("/v1/profiles", "{}"); json.Unmarshal(r.body, &v) != nil || r.status >= 300 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := p.ask(`{"prompt":"a red heart","num_inference_steps":2}`, "whole", ""); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	done := make(chan reply, 1)
	go func() { done <- p.post("/v1/images/generations", `{"prompt":"a red heart","num_inference_steps":150}`) }()
	p.awaitSteps(v.ID, 2+2)
	if err := syscall.Kill(v.Processes[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if r := <-done; r.status < 500 {
		t.Errorf("%d %s", r.status, r.body)
	}
	r := p.post("/v1/profiles/"+v.ID+"/stop", "")
	if err := json.Unmarshal(r.body, &v); err != nil || v.State != profile.StateFailed || v.Processes[0].Ended != profile.ProcessDied {
		t.Fatalf("%d %s", r.status, r.body)
	}
	f := parseTrace(t, p.get("/v1/profiles/"+v.ID+"/artifacts/merged/"+v.ID+".trace.json.gz").body)
	open, last := f.openIn("pipeline_forward"), 0.0
	if len(f.named("denoise_step")) < 4 || len(open) != 1 {
		t.Fatalf("%d steps, open: %+v", len(f.named("denoise_step")), open)
	}
	for _, e := range f.Events {
		if strings.HasPrefix(e.Name, "aten::") && open[0].holds(e) {
			last = max(last, e.end())
		}
	}
	// Operators follow one another within some milliseconds, so the last one is no second before the end.
	if gap := open[0].end() - last; gap > 1e6 {
		t.Errorf("no operator in the last %.0f ms before the kill", gap/1000)
	}
}

// awaitSteps waits until a profile that records has as many steps.
func (p *process) awaitSteps(id string, steps int64) {
	p.t.Helper()
	var v profile.View
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if r := p.get("/v1/profiles/" + id); json.Unmarshal(r.body, &v) != nil {
			p.t.Fatalf("%d %s", r.status, r.body)
		}
		if int64(v.Steps) >= steps {
			return
		}
	}
	p.t.Fatalf("%d steps after a minute, want %d", v.Steps, steps)
}

// openIn returns the spans with that name that had not ended.
func (f traceFile) openIn(name string) (es []traceEvent) {
	for _, e := range f.named(name) {
		if e.Args["open"] == true {
			es = append(es, e)
		}
	}
	return es
}

// TestTorchConformance runs the conformance checks of every plugin on this one.
func TestTorchConformance(t *testing.T) {
	command, pipeline := torchPlugin(t)
	config, err := json.Marshal(map[string]any{"model_path": pipeline, "steps": 2, "max_size": 128})
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asStrobe, "1")
	args := []string{exe, "plugin", "check", "--config", string(config), "--bad-config", `{"model_path":"/nowhere"}`}
	t.Logf("%s", runOutside(t, t.TempDir(), append(args, command...)))
}
