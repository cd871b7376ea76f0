package bench

import (
	"math"
	"strings"
	"testing"
)

// valid is what the command's flags say when none is given.
func valid() Config {
	return Config{
		Model: "default", Dataset: VBench, Task: TextToImage, NumPrompts: 10, MaxConcurrency: 1, RequestRate: math.Inf(1),
		WarmupRequests: 1, WarmupSteps: 2, Steps: 50, SLOScale: 3,
	}
}

func TestCheckChoosesEndpoint(t *testing.T) {
	for name, tc := range map[string]struct{ task, endpoint, backend, want string }{
		"text":              {"t2i", "", "", Chat},
		"image":             {"i2i", "", "", Edits},
		"text and image":    {"ti2i", "", "", Edits},
		"old name of chat":  {"t2i", "", "vllm-omni", Chat},
		"old name of image": {"t2i", "", "openai", Generations},
		"image by chat":     {"i2i", Chat, "", Chat},
		"both agree":        {"t2i", Generations, "openai", Generations},
	} {
		c := valid()
		c.Task, c.Endpoint, c.Backend = tc.task, tc.endpoint, tc.backend
		if err := c.Check(); err != nil || c.Endpoint != tc.want {
			t.Errorf("%s: %s, %v", name, c.Endpoint, err)
		}
	}
}

func TestCheckFinds(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Config)
		names  string // what the error must name
	}{
		"video task":             {func(c *Config) { c.Task = "t2v" }, "--task t2v makes videos"},
		"unknown task":           {func(c *Config) { c.Task = "x" }, "--task"},
		"unknown data set":       {func(c *Config) { c.Dataset = "hf" }, "--dataset"},
		"no requests":            {func(c *Config) { c.NumPrompts = 0 }, "--num-prompts"},
		"no concurrency":         {func(c *Config) { c.MaxConcurrency = 0 }, "--max-concurrency"},
		"negative warm-ups":      {func(c *Config) { c.WarmupRequests = -1 }, "--warmup-requests"},
		"warm-ups without steps": {func(c *Config) { c.WarmupSteps = 0 }, "--warmup-num-inference-steps"},
		"no steps":               {func(c *Config) { c.Steps = 0 }, "--num-inference-steps"},
		"width alone":            {func(c *Config) { c.Width = 64 }, "--width and --height"},
		"negative height":        {func(c *Config) { c.Height = -1 }, "--height"},
		"rate 0":                 {func(c *Config) { c.RequestRate = 0 }, "--request-rate"},
		"rate NaN":               {func(c *Config) { c.RequestRate = math.NaN() }, "--request-rate"},
		"scale 0":                {func(c *Config) { c.SLOScale = 0 }, "--slo-scale"},
		"unknown backend":        {func(c *Config) { c.Backend = "x" }, "--backend"},
		"backend and endpoint":   {func(c *Config) { c.Backend, c.Endpoint = "openai", Chat }, "--backend"},
		"videos":                 {func(c *Config) { c.Endpoint = "/v1/videos" }, "videos"},
		"unknown endpoint":       {func(c *Config) { c.Endpoint = "/x" }, "--endpoint"},
		"image to generations":   {func(c *Config) { c.Task, c.Endpoint = "i2i", Generations }, "--task i2i"},
		"edit without image":     {func(c *Config) { c.Endpoint = Edits }, "--task t2i"},
	} {
		c := valid()
		tc.change(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), tc.names) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckFindsAll(t *testing.T) {
	c := valid()
	c.NumPrompts, c.Steps = 0, 0
	if err := c.Check(); strings.Count(err.Error(), "\n") != 1 {
		t.Error(err)
	}
}
