package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// loadCustom reads one JSON object a line. Keys that the benchmark does not know go into the request's body.
func loadCustom(c *Config) ([]Request, error) {
	if c.DatasetPath == "" {
		return nil, errors.New(`say where the data set is, with --dataset-path: a file with lines such as {"prompt":"a cat","width":512,"height":512}`)
	}
	text, err := os.ReadFile(c.DatasetPath)
	if err != nil {
		return nil, fmt.Errorf("read --dataset-path: %w", err)
	}
	images := pictures{}
	var requests []Request
	for i, line := range strings.Split(string(text), "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if len(requests) == c.NumPrompts {
			break
		}
		r, err := c.customRequest(line, images)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", c.DatasetPath, i+1, err)
		}
		requests = append(requests, r)
	}
	if len(requests) == 0 {
		return nil, fmt.Errorf("%s is empty", c.DatasetPath)
	}
	return requests, nil
}

func (c *Config) customRequest(line string, images pictures) (Request, error) {
	row, err := customRow(line)
	if err != nil {
		return Request{}, err
	}
	f := &fields{row: row}
	r := c.request(f.text("prompt", ""))
	if r.Prompt == "" {
		f.fail("prompt is missing")
	}
	if width, height := f.positive("width"), f.positive("height"); width > 0 || height > 0 {
		if r.Width, r.Height = width, height; width == 0 || height == 0 {
			f.fail("width and height go together")
		}
	}
	if steps := f.positive("num_inference_steps"); steps > 0 {
		r.Steps = steps
	}
	if seed := f.integer("seed"); seed != nil {
		r.Seed = seed
	}
	paths, urls := f.texts("image_paths"), f.texts("image_urls")
	for _, name := range []string{"video_paths", "video_urls"} {
		if row[name] != nil {
			f.fail("%s: Strobe makes images", name)
		}
	}
	if f.err != nil {
		return Request{}, f.err
	}
	r.Extra = otherKeys(row)
	if !c.needsImage() {
		return r, nil
	}
	if r.Images, err = images.readAll(paths); err != nil {
		return Request{}, err
	}
	for _, u := range urls {
		r.Images = append(r.Images, Image{URL: u})
	}
	if len(r.Images) == 0 {
		return Request{}, fmt.Errorf("--task %s needs an image, and the line has neither image_paths nor image_urls", c.Task)
	}
	return r, nil
}

// customRow decodes a line; whole numbers become int64, so that a seed keeps all its digits.
func customRow(line string) (map[string]any, error) {
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	var row map[string]any
	if err := d.Decode(&row); err != nil {
		return nil, fmt.Errorf("a JSON object is expected: %w", err)
	}
	if row == nil || d.More() {
		return nil, errors.New("one JSON object a line is expected")
	}
	for name, v := range row {
		n, ok := v.(json.Number)
		if !ok {
			continue
		}
		if whole, err := n.Int64(); err == nil {
			row[name] = whole
		} else if f, err := n.Float64(); err == nil {
			row[name] = f
		}
	}
	return row, nil
}

func otherKeys(row map[string]any) map[string]any {
	other := map[string]any{}
	for name, v := range row {
		switch name {
		case "prompt", "width", "height", "num_inference_steps", "seed", "image_paths", "image_urls", "video_paths", "video_urls":
		default:
			if v != nil {
				other[name] = v
			}
		}
	}
	return other
}
