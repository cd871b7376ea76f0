package bench

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

// editKeys are the extras that go into the form in this place, in this order.
var editKeys = []string{"guidance_scale", "negative_prompt", "true_cfg_scale", "sys_type", "system_prompt"}

// edits is a multipart form. Extras that the original drops, such as strength, come last.
func (s *Sender) edits(r Request) (body, error) {
	extra := merged(r.Extra, nil)
	form := client.NewForm()
	form.Add("model", s.Model)
	form.Add("prompt", r.Prompt)
	form.Add("size", sizeOf(r, extra))
	form.Add("response_format", "b64_json")
	switch given := extra["num_inference_steps"]; {
	case r.Steps > 0:
		form.Add("num_inference_steps", strconv.Itoa(r.Steps))
	case given != nil:
		form.Add("num_inference_steps", scalar(given))
	}
	switch given := extra["seed"]; {
	case r.Seed != nil:
		form.Add("seed", strconv.FormatInt(*r.Seed, 10))
	case given != nil:
		form.Add("seed", scalar(given))
	}
	for _, name := range editKeys {
		if v := extra[name]; v != nil {
			form.Add(name, scalar(v))
		}
	}
	botTask := "think" // the original's default; a model that knows no such thing passes it over
	if v := extra["bot_task"]; v != nil {
		botTask = scalar(v)
	}
	form.Add("bot_task", botTask)
	for _, name := range editExtras(extra) {
		form.Add(name, scalar(extra[name]))
	}
	for _, img := range r.Images {
		if img.URL != "" {
			form.Add("url", img.URL)
			continue
		}
		form.AddFile("image", client.File{Name: img.Name, MediaType: img.MediaType, Data: img.Data})
	}
	data, contentType, err := form.Encode()
	return body{contentType: contentType, data: data}, err
}

// scalar is a value as a form's text: a text as it is, anything else as JSON.
func scalar(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v) // what came from JSON or a literal can always be written as JSON
	}
	return string(data)
}

// editExtras are the extras of a form that have no place of their own, sorted.
func editExtras(extra map[string]any) []string {
	var names []string
	for name, v := range extra {
		switch name {
		case "width", "height", "num_inference_steps", "seed", "bot_task", "model", "prompt", "size", "response_format":
			continue
		}
		if v != nil && !slices.Contains(editKeys, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
