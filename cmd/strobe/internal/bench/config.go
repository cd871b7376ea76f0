package bench

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Endpoints that a benchmark may ask.
const (
	Chat        = "/v1/chat/completions"
	Generations = "/v1/images/generations"
	Edits       = "/v1/images/edits"
)

// Tasks and data sets.
const (
	TextToImage      = "t2i"
	ImageToImage     = "i2i"
	TextImageToImage = "ti2i"

	Random = "random"
	VBench = "vbench"
	Trace  = "trace"
	Custom = "custom"
)

// Config is what the flags say. [Config.Check] completes it.
type Config struct {
	Model       string
	Endpoint    string // empty: by Backend, else by Task
	Backend     string // "vllm-omni" or "openai", the old way to say Endpoint
	Dataset     string
	DatasetPath string
	Task        string
	NumPrompts  int
	// MaxConcurrency is how many requests may be in flight.
	MaxConcurrency int
	// RequestRate is requests per second on average, arriving at random (a Poisson process); +Inf: all at once.
	RequestRate    float64
	WarmupRequests int
	WarmupSteps    int
	Width, Height  int // 0: not given
	Steps          int
	Seed           *int64 // nil: each request its own
	SLO            bool
	SLOScale       float64
	Extra          map[string]any // merged into each request
}

// Check finds everything that is wrong, names the flags, and fills in the endpoint.
func (c *Config) Check() error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	word := func(flag, value string, words ...string) {
		if !slices.Contains(words, value) {
			bad("--%s is %q: use %s", flag, value, strings.Join(words, ", "))
		}
	}
	atLeast := func(flag string, value, least int) {
		if value < least {
			bad("--%s is %d: it must be at least %d", flag, value, least)
		}
	}
	if strings.HasSuffix(c.Task, "2v") {
		bad("--task %s makes videos: Strobe makes images, with t2i, i2i or ti2i", c.Task)
	} else {
		word("task", c.Task, TextToImage, ImageToImage, TextImageToImage)
	}
	word("dataset", c.Dataset, Random, VBench, Trace, Custom)
	atLeast("num-prompts", c.NumPrompts, 1)
	atLeast("max-concurrency", c.MaxConcurrency, 1)
	atLeast("warmup-requests", c.WarmupRequests, 0)
	atLeast("warmup-num-inference-steps", c.WarmupSteps, 1)
	atLeast("num-inference-steps", c.Steps, 1)
	atLeast("width", c.Width, 0)
	atLeast("height", c.Height, 0)
	if (c.Width > 0) != (c.Height > 0) {
		bad("--width and --height go together: give both or neither")
	}
	if !(c.RequestRate > 0) {
		bad("--request-rate is %g: it must be above 0, or inf", c.RequestRate)
	}
	if !(c.SLOScale > 0) || math.IsInf(c.SLOScale, 1) {
		bad("--slo-scale is %g: it must be above 0", c.SLOScale)
	}
	if err := c.chooseEndpoint(); err != nil {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// needsImage tells whether the task starts from an image.
func (c *Config) needsImage() bool { return c.Task != TextToImage }

func (c *Config) chooseEndpoint() error {
	byBackend := map[string]string{"": "", "vllm-omni": Chat, "openai": Generations}
	backend, ok := byBackend[c.Backend]
	switch {
	case !ok:
		return fmt.Errorf("--backend is %q: use vllm-omni or openai, or --endpoint", c.Backend)
	case c.Endpoint == "" && backend != "":
		c.Endpoint = backend
	case c.Endpoint == "" && c.needsImage():
		c.Endpoint = Edits
	case c.Endpoint == "":
		c.Endpoint = Chat
	case backend != "" && backend != c.Endpoint:
		return fmt.Errorf("--backend %s means --endpoint %s, and --endpoint is %s: give one of them", c.Backend, backend, c.Endpoint)
	}
	switch {
	case c.Endpoint == "/v1/videos":
		return errors.New("--endpoint /v1/videos makes videos: Strobe makes images")
	case c.Endpoint != Chat && c.Endpoint != Generations && c.Endpoint != Edits:
		return fmt.Errorf("--endpoint is %q: use %s, %s or %s", c.Endpoint, Chat, Generations, Edits)
	case c.Endpoint == Generations && c.needsImage():
		return fmt.Errorf("--task %s sends an image, which %s does not take: use --endpoint %s or %s", c.Task, Generations, Edits, Chat)
	case c.Endpoint == Edits && !c.needsImage():
		return fmt.Errorf("--task t2i sends no image, which %s needs: use --endpoint %s or %s", Edits, Chat, Generations)
	}
	return nil
}
