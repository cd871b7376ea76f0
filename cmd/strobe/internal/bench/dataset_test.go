package bench

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder writes files and gives the folder they are in.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, c Config) []Request {
	t.Helper()
	requests, _, err := Load(&c)
	if err != nil {
		t.Fatal(err)
	}
	return requests
}

func prompts(requests []Request) string {
	var all []string
	for _, r := range requests {
		all = append(all, r.Prompt)
	}
	return strings.Join(all, "|")
}

func TestRandomDataset(t *testing.T) {
	c := valid()
	seed := int64(7)
	c.Dataset, c.NumPrompts, c.Width, c.Height, c.Seed = Random, 2, 64, 32, &seed
	c.Extra = map[string]any{"guidance_scale": 1.5}
	want := []Request{}
	for _, prompt := range []string{"Random prompt 0 for benchmarking diffusion models", "Random prompt 1 for benchmarking diffusion models"} {
		want = append(want, Request{Prompt: prompt, Width: 64, Height: 32, Steps: 50, Seed: &seed, Extra: c.Extra})
	}
	if d := cmp.Diff(want, load(t, c)); d != "" {
		t.Error(d)
	}
	c.Task = ImageToImage
	checkSquare(t, load(t, c)[1].Images[0], "png", 512, 0xffff, 0xffff)
}

func checkSquare(t *testing.T, img Image, format string, side int, red, green uint32) {
	t.Helper()
	pixels, got, err := image.Decode(bytes.NewReader(img.Data))
	if err != nil {
		t.Fatal(err)
	}
	r, g, _, _ := pixels.At(side/2, side/2).RGBA()
	if got != format || pixels.Bounds().Dx() != side || pixels.Bounds().Dy() != side || far(r, red) || far(g, green) {
		t.Errorf("%s %s of %v, red %x green %x", img.Name, got, pixels.Bounds(), r, g)
	}
}

// far allows for JPEG.
func far(a, b uint32) bool { return max(a, b)-min(a, b) > 0x400 }

func TestVBenchPrompts(t *testing.T) {
	c := valid()
	c.NumPrompts = len(builtinPrompts) + 1
	requests, notes, err := Load(&c)
	if err != nil || len(notes) != 1 || requests[0].Prompt != builtinPrompts[0] || requests[len(builtinPrompts)].Prompt != builtinPrompts[0] {
		t.Error(len(requests), notes, err)
	}
	c.NumPrompts = 5
	c.DatasetPath = filepath.Join(folder(t, map[string]string{"p.txt": "a cat\n\n  a dog  \n"}), "p.txt")
	requests, notes, err = Load(&c)
	if err != nil || len(notes) != 0 || prompts(requests) != "a cat|a dog|a cat|a dog|a cat" {
		t.Error(prompts(requests), notes, err)
	}
}

func TestBuiltinPromptsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range builtinPrompts {
		if seen[p] {
			t.Errorf("%q is there twice", p)
		}
		seen[p] = true
		if style, _, _ := strings.Cut(p, " "); style != "noto" && style != "twemoji" {
			t.Errorf("%q has no style", p)
		}
	}
}

func TestVBenchImages(t *testing.T) {
	c := valid()
	c.Task, c.NumPrompts = ImageToImage, 1
	requests, notes, err := Load(&c)
	if err != nil || len(requests) != 1 || len(notes) != 1 {
		t.Fatal(requests, notes, err)
	}
	img := requests[0].Images[0]
	if img.Name != "dummy_image.jpg" || img.MediaType != "image/jpeg" {
		t.Errorf("%s %s", img.Name, img.MediaType)
	}
	checkSquare(t, img, "jpeg", 100, 0xffff, 0)

	c.NumPrompts = 3
	for name, path := range map[string]string{
		"its list": folder(t, map[string]string{
			"data/i2v-bench-info.json": `[{"file_name":"1.png","caption":"one"},{"file_name":"2.jpg","caption":"two"}]`,
			"data/origin/1.png":        "a", "data/origin/2.jpg": "b", "data/origin/3.png": "c",
		}),
		"a folder": folder(t, map[string]string{"one.png": "a", "two.JPG": "b", "notes.txt": "c"}),
		"origin":   folder(t, map[string]string{"data/origin/one.png": "a", "data/origin/two.jpg": "b"}),
	} {
		c.DatasetPath = path
		requests := load(t, c)
		if prompts(requests) != "one|two|one" || string(requests[1].Images[0].Data) != "b" || requests[1].Images[0].MediaType != "image/jpeg" {
			t.Errorf("%s: %s", name, prompts(requests))
		}
	}
	c.DatasetPath = folder(t, map[string]string{"notes.txt": "no image"})
	if requests, notes, err := Load(&c); err != nil || len(notes) != 1 || len(requests) != 3 {
		t.Error("an empty folder falls back on the red square:", len(requests), notes, err)
	}
}

const traceText = `
# recorded yesterday
Request(request_id=0, timestamp=0.0, height=64, width=128, num_inference_steps=4, prompt="a cat", slo_ms=500)
Request(request_id='1', timestamp=0.5, height='96.0', width=96, text='a dog', seed=7, num_frames=1, fps=None)
Request(prompt="c", image_paths=None)
`

func TestTraceDataset(t *testing.T) {
	c := valid()
	c.Dataset = Trace
	dir := folder(t, map[string]string{"a.txt": traceText, "b/c.txt": `Request(prompt="e")`, "b/d.log": `Request(prompt="no")`})
	c.DatasetPath = filepath.Join(dir, "a.txt")
	seven, slo := int64(7), 500.0
	want := []Request{
		{Prompt: "a cat", Width: 128, Height: 64, Steps: 4, SLO: &slo, Extra: map[string]any{}},
		{Prompt: "a dog", Width: 96, Height: 96, Steps: 50, Seed: &seven, Extra: map[string]any{}},
		{Prompt: "c", Steps: 50, Extra: map[string]any{}},
	}
	if d := cmp.Diff(want, load(t, c)); d != "" {
		t.Error(d)
	}
	c.Width, c.Height = 32, 32
	if r := load(t, c)[0]; r.Width != 32 || r.Height != 32 || r.Steps != 4 {
		t.Errorf("the flags' size does not win: %+v", r)
	}
	for path, want := range map[string]string{
		dir:                              "a cat|a dog|c|e",
		filepath.Join(dir, "*", "*.txt"): "e",
		filepath.Join(dir, "b/c.txt") + ", " + filepath.Join(dir, "a.txt") + "," + dir: "e|a cat|a dog|c",
	} {
		c.DatasetPath = path
		if got := prompts(load(t, c)); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	c.DatasetPath, c.NumPrompts = dir, 2
	if got := prompts(load(t, c)); strings.Count(got, "|") != 1 {
		t.Error(got)
	}
}

func TestTraceImages(t *testing.T) {
	dir := folder(t, map[string]string{"a.png": "A", "b.webp": "B"})
	a, b := filepath.Join(dir, "a.png"), filepath.Join(dir, "b.webp")
	c := valid()
	c.Dataset, c.Task = Trace, TextImageToImage
	c.DatasetPath = filepath.Join(folder(t, map[string]string{
		"t.txt": `Request(prompt="x", image_paths=['` + a + `', '` + b + `'])` + "\n" + `Request(prompt="y", image_path='` + b + `')`,
	}), "t.txt")
	requests := load(t, c)
	if len(requests[0].Images) != 2 || requests[1].Images[0].MediaType != "image/webp" || string(requests[0].Images[0].Data) != "A" {
		t.Errorf("%+v", requests)
	}
}

const customText = `{"prompt":"a cat","width":64,"height":64,"num_inference_steps":4,"seed":9007199254740993,"guidance_scale":2.5,"lora":null}

{"prompt":"a dog","image_urls":"data:image/png;base64,aGk=","strength":0.5}
`

func TestCustomDataset(t *testing.T) {
	c := valid()
	c.Dataset = Custom
	c.Extra = map[string]any{"guidance_scale": 1.0, "user": "me"}
	c.DatasetPath = filepath.Join(folder(t, map[string]string{"a.jsonl": customText}), "a.jsonl")
	seed := int64(9007199254740993)
	want := []Request{
		{Prompt: "a cat", Width: 64, Height: 64, Steps: 4, Seed: &seed, Extra: map[string]any{"guidance_scale": 2.5, "user": "me"}},
		{Prompt: "a dog", Steps: 50, Extra: map[string]any{"guidance_scale": 1.0, "user": "me", "strength": 0.5}},
	}
	if d := cmp.Diff(want, load(t, c)); d != "" {
		t.Error(d)
	}
	c.NumPrompts = 1
	if got := load(t, c); len(got) != 1 {
		t.Error(got)
	}
	c.Task, c.NumPrompts = ImageToImage, 10
	if _, _, err := Load(&c); err == nil || !strings.Contains(err.Error(), "line 1") || !strings.Contains(err.Error(), "image_paths") {
		t.Error(err)
	}
}

func TestBadDatasets(t *testing.T) {
	for name, tc := range map[string]struct{ dataset, task, text, names string }{
		"trace line":          {Trace, "t2i", "Request(a=1)\nRequest(height=)", "line 2: column 16"},
		"trace number":        {Trace, "t2i", "Request(height='x', width=1)", "height"},
		"trace list":          {Trace, "t2i", "Request(height=[1], width=1)", "height"},
		"trace size 0":        {Trace, "t2i", "Request(height=0, width=1)", "height is 0"},
		"trace width alone":   {Trace, "t2i", "Request(width=8)", "go together"},
		"trace seed":          {Trace, "t2i", "Request(seed=1e30)", "seed"},
		"trace infinity":      {Trace, "t2i", "Request(slo_ms='inf')", "slo_ms"},
		"trace without":       {Trace, "t2i", "hello", "no line such as"},
		"trace without image": {Trace, "i2i", "Request(prompt='x')", "image_path"},
		"trace image":         {Trace, "i2i", "Request(image_path='/does/not/exist.png')", "/does/not/exist.png"},
		"trace images":        {Trace, "i2i", "Request(image_paths=[1])", "image_paths"},
		"prompts":             {VBench, "t2i", "\n \n", "no prompt"},
		"image list":          {VBench, "i2i", "{}", "file_name"},
		"custom JSON":         {Custom, "t2i", `{"prompt":"a"}` + "\n{", "line 2"},
		"custom null":         {Custom, "t2i", "null", "object"},
		"custom two":          {Custom, "t2i", `{"prompt":"a"} {"prompt":"b"}`, "one JSON object a line"},
		"custom prompt":       {Custom, "t2i", `{}`, "prompt is missing"},
		"custom width alone":  {Custom, "t2i", `{"prompt":"a","width":1}`, "go together"},
		"custom steps":        {Custom, "t2i", `{"prompt":"a","num_inference_steps":-1}`, "num_inference_steps"},
		"custom video":        {Custom, "t2i", `{"prompt":"a","video_urls":["x"]}`, "video_urls"},
		"custom empty":        {Custom, "t2i", "\n", "empty"},
	} {
		c := valid()
		c.Dataset, c.Task = tc.dataset, tc.task
		c.DatasetPath = filepath.Join(folder(t, map[string]string{"data.json": tc.text}), "data.json")
		if _, _, err := Load(&c); err == nil || !strings.Contains(err.Error(), tc.names) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, tc := range []Config{
		{Dataset: Trace}, {Dataset: Custom}, {Dataset: "x"},
		{Dataset: Trace, DatasetPath: "/none"}, {Dataset: Trace, DatasetPath: " , "}, {Dataset: Trace, DatasetPath: "/none/*"},
		{Dataset: Custom, DatasetPath: "/none"}, {Dataset: VBench, Task: "t2i", DatasetPath: "/none"}, {Dataset: VBench, Task: "i2i", DatasetPath: "/none"},
	} {
		if _, _, err := Load(&tc); err == nil {
			t.Errorf("%+v loads", tc)
		}
	}
}
