package bench

import (
	"fmt"
)

// Request is one request of a run. Fields that are zero or nil are not sent.
type Request struct {
	Prompt        string
	Width, Height int
	Steps         int
	Seed          *int64
	SLO           *float64 // milliseconds within which the reply is wanted
	Images        []Image
	Extra         map[string]any // further fields of the body
}

// Load makes the requests. Notes say what a reader of the result should know of them. It reads files, never the network.
func Load(c *Config) (requests []Request, notes []string, err error) {
	switch c.Dataset {
	case Random:
		requests, err = loadRandom(c)
	case VBench:
		requests, notes, err = loadVBench(c)
	case Trace:
		requests, err = loadTrace(c)
	case Custom:
		requests, err = loadCustom(c)
	default:
		err = fmt.Errorf("--dataset is %q", c.Dataset)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("load the data set %s: %w", c.Dataset, err)
	}
	for i := range requests {
		requests[i].Extra = merged(c.Extra, requests[i].Extra)
	}
	return requests, notes, nil
}

// request is what the flags say of every request.
func (c *Config) request(prompt string) Request {
	return Request{Prompt: prompt, Width: c.Width, Height: c.Height, Steps: c.Steps, Seed: c.Seed}
}

// merged are the members of both; own wins.
func merged(all, own map[string]any) map[string]any {
	out := make(map[string]any, len(all)+len(own))
	for k, v := range all {
		out[k] = v
	}
	for k, v := range own {
		out[k] = v
	}
	return out
}

// fill repeats list until it has n elements, or cuts it to n.
func fill[T any](list []T, n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = list[i%len(list)]
	}
	return out
}

// loadRandom makes prompts that say nothing; an image task starts from a white square.
func loadRandom(c *Config) ([]Request, error) {
	var images []Image
	if c.needsImage() {
		white, err := whiteSquare()
		if err != nil {
			return nil, err
		}
		images = []Image{white}
	}
	requests := make([]Request, c.NumPrompts)
	for i := range requests {
		requests[i] = c.request(fmt.Sprintf("Random prompt %d for benchmarking diffusion models", i))
		requests[i].Images = images
	}
	return requests, nil
}
