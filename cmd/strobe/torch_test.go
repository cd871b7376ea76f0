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

// torchFolder is a folder as the README of examples/diffusers-model makes it: with the plugin, a Python that has torch, and a
// pipeline of random weights. Servers and plugins run there.
func torchFolder(t *testing.T) string {
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
	for key, value := range map[string]string{
		"PYTHONPATH":              filepath.Join(example, "../../sdk/python"),
		"PYTHONDONTWRITEBYTECODE": "1",
		"HF_HUB_OFFLINE":          "1",
		"OMP_NUM_THREADS":         "1", // other tests run beside it
	} {
		t.Setenv(key, value)
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "venv/bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"venv/bin/python": python, "plugin.py": filepath.Join(example, "plugin.py")} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	runOutside(t, dir, []string{"venv/bin/python", filepath.Join(example, "tiny_pipeline.py"), "pipeline"})
	return dir
}

// startTorch serves the pipeline with the configuration that the README shows.
func startTorch(t *testing.T) *process {
	t.Helper()
	dir := torchFolder(t)
	readme, err := os.ReadFile("../../examples/diffusers-model/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, sample, _ := strings.Cut(string(readme), "```hcl\n")
	sample, _, found := strings.Cut(sample, "```")
	if !found {
		t.Fatal("the README shows no configuration")
	}
	write(t, dir, "plugins.hcl", sample)
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

// TestTorchKilled kills the rank within a step: every step that was counted before is in the trace, with all its operators.
func TestTorchKilled(t *testing.T) {
	p := startTorch(t)
	var v profile.View
	if r := p.post("/v1/profiles", "{}"); json.Unmarshal(r.body, &v) != nil || r.status >= 300 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := p.ask(`{"prompt":"a red heart","num_inference_steps":3}`, "whole", ""); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	done := make(chan reply, 1)
	go func() { done <- p.ask(`{"prompt":"a red heart","num_inference_steps":150}`, "killed", "") }()
	counted := p.awaitSteps(v.ID, 3+3) - 3
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
	operators := map[string][]int{} // by request and step
	for _, s := range f.named("denoise_step") {
		if s.Args["open"] == true {
			continue
		}
		n := 0
		for _, e := range f.Events {
			if strings.HasPrefix(e.Name, "aten::") && s.holds(e) {
				n++
			}
		}
		operators[s.request()] = append(operators[s.request()], n)
	}
	whole, killed := operators["whole"], operators["killed"]
	if len(whole) != 3 || len(killed) < counted {
		t.Fatalf("steps with operators: %v; %d steps of the killed request were counted", operators, counted)
	}
	for i, n := range killed[1:] { // the first step differs: the loop has begun before it
		if n != whole[1] {
			t.Errorf("step %d has %d operators, one of the request before %d", i+1, n, whole[1])
		}
	}
	for _, forward := range f.named("pipeline_forward") {
		if open := forward.Args["open"] == true; open != (forward.request() == "killed") {
			t.Errorf("open is %v: %+v", open, forward)
		}
	}
}

// awaitSteps waits until a profile that records has as many steps, and returns how many it has.
func (p *process) awaitSteps(id string, steps int) int {
	p.t.Helper()
	var v profile.View
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if r := p.get("/v1/profiles/" + id); json.Unmarshal(r.body, &v) != nil {
			p.t.Fatalf("%d %s", r.status, r.body)
		}
		if int(v.Steps) >= steps {
			return int(v.Steps)
		}
	}
	p.t.Fatalf("%d steps after a minute, want %d", v.Steps, steps)
	panic("unreachable")
}

// TestTorchPlugin runs the example's own tests: what needs no server, or a GPU that is made up. The README has its options.
func TestTorchPlugin(t *testing.T) {
	dir := torchFolder(t)
	readme, err := os.ReadFile("../../examples/diffusers-model/README.md")
	if err != nil {
		t.Fatal(err)
	}
	docs := strobeIn(t, dir, "plugin", "docs", "venv/bin/python", "plugin.py")
	if _, table, _ := strings.Cut(string(docs), "\n\n"); table == "" || !strings.Contains(string(readme), table) {
		t.Errorf("README.md lacks the table of options:\n%s", docs)
	}
	example, err := filepath.EvalSymlinks(filepath.Join(dir, "plugin.py"))
	if err != nil {
		t.Fatal(err)
	}
	runOutside(t, dir, []string{"venv/bin/python", filepath.Join(filepath.Dir(example), "test_plugin.py")})
}

// TestTorchConformance runs the conformance checks of every plugin on this one.
func TestTorchConformance(t *testing.T) {
	dir := torchFolder(t)
	t.Logf("%s", strobeIn(t, dir, "plugin", "check",
		"--config", `{"model_path": "pipeline", "steps": 2, "max_size": 128}`,
		"--bad-config", `{"model_path": "nowhere"}`, "--bad-config", `{"model_path": "pipeline", "device": "tpu"}`,
		"venv/bin/python", "plugin.py"))
}

// strobeIn runs the program in a folder and returns what it printed.
func strobeIn(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asStrobe, "1")
	return runOutside(t, dir, append([]string{exe}, args...))
}
