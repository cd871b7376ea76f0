package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// builtinPrompts stand in for VBench's prompts, which are not ours to ship and would have to be downloaded. They are
// prompts that the model which Strobe ships knows how to draw.
var builtinPrompts = []string{
	"noto red heart", "twemoji rocket", "noto cat", "twemoji pizza", "noto sunflower",
	"twemoji blue heart", "noto penguin", "twemoji rainbow", "noto hamburger", "twemoji owl",
	"noto grinning face", "twemoji house", "noto octopus", "twemoji strawberry", "noto fire",
	"twemoji panda", "noto soccer ball", "twemoji cactus", "noto birthday cake", "twemoji ghost",
	"noto butterfly", "twemoji guitar", "noto watermelon", "twemoji fox", "noto light bulb",
	"twemoji crying face", "noto airplane", "twemoji mushroom", "noto unicorn", "twemoji donut",
	"noto evergreen tree", "twemoji tiger", "noto crown", "twemoji banana", "noto robot",
	"twemoji whale", "noto ice cream", "twemoji red car", "noto frog", "twemoji snowman",
	"noto cool face sunglasses", "twemoji pumpkin", "noto turtle", "twemoji basketball", "noto rose",
	"twemoji avocado", "noto bee", "twemoji crescent moon", "noto lion", "twemoji key",
}

// imageInfo is VBench's list of images, inside its folder.
var imageInfo = filepath.Join("data", "i2v-bench-info.json")

// loadVBench reads prompts, one a line, or images with captions. What there is, is repeated up to the number of requests.
func loadVBench(c *Config) ([]Request, []string, error) {
	if c.needsImage() {
		return loadVBenchImages(c)
	}
	prompts := builtinPrompts
	note := "Using the built-in prompts; --dataset-path takes a file with one prompt a line."
	if c.DatasetPath != "" {
		text, err := os.ReadFile(c.DatasetPath)
		if err != nil {
			return nil, nil, fmt.Errorf("read --dataset-path: %w", err)
		}
		if prompts = nonEmptyLines(string(text)); len(prompts) == 0 {
			return nil, nil, fmt.Errorf("%s has no prompt: write one a line", c.DatasetPath)
		}
		note = ""
	}
	var requests []Request
	for _, prompt := range fill(prompts, c.NumPrompts) {
		requests = append(requests, c.request(prompt))
	}
	return requests, notesOf(note), nil
}

func notesOf(note string) []string {
	if note == "" {
		return nil
	}
	return []string{note}
}

func nonEmptyLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// captioned is an image with the prompt that goes with it.
type captioned struct {
	prompt string
	image  Image
}

func loadVBenchImages(c *Config) ([]Request, []string, error) {
	var items []captioned
	var err error
	if c.DatasetPath != "" {
		if items, err = readCaptioned(c.DatasetPath); err != nil {
			return nil, nil, err
		}
	}
	note := ""
	if len(items) == 0 {
		red, err := redSquare()
		if err != nil {
			return nil, nil, err
		}
		for _, prompt := range builtinPrompts {
			items = append(items, captioned{prompt, red})
		}
		note = "No images found: starting from a red square, with the built-in prompts; --dataset-path takes a folder of images."
	}
	var requests []Request
	for _, item := range fill(items, c.NumPrompts) {
		r := c.request(item.prompt)
		r.Images = []Image{item.image}
		requests = append(requests, r)
	}
	return requests, notesOf(note), nil
}

// readCaptioned takes VBench's list, given by itself or by its folder, or every image of a folder, whose name is its prompt.
func readCaptioned(path string) ([]captioned, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read --dataset-path: %w", err)
	}
	list := path
	if info.IsDir() {
		list = filepath.Join(path, imageInfo)
	}
	items, err := readImageInfo(list)
	if err == nil || !info.IsDir() || !errors.Is(err, fs.ErrNotExist) {
		return items, err
	}
	return scanImages(path)
}

func readImageInfo(list string) ([]captioned, error) {
	text, err := os.ReadFile(list)
	if err != nil {
		return nil, fmt.Errorf("read the list of images: %w", err)
	}
	var entries []struct {
		File    string `json:"file_name"`
		Caption string `json:"caption"`
	}
	if err := json.Unmarshal(text, &entries); err != nil {
		return nil, fmt.Errorf(`read %s, a list such as [{"file_name":"a.jpg","caption":"a cat"}]: %w`, list, err)
	}
	origin := filepath.Join(filepath.Dir(filepath.Dir(list)), "data", "origin")
	files := pictures{}
	var items []captioned
	for _, e := range entries {
		img, err := files.read(filepath.Join(origin, e.File))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", list, err)
		}
		items = append(items, captioned{e.Caption, img})
	}
	return items, nil
}

func scanImages(dir string) ([]captioned, error) {
	files := pictures{}
	var items []captioned
	for _, folder := range []string{dir, filepath.Join(dir, "data", "origin")} {
		entries, err := os.ReadDir(folder)
		if err != nil && !(errors.Is(err, fs.ErrNotExist) && folder != dir) {
			return nil, fmt.Errorf("look for images: %w", err)
		}
		for _, e := range entries {
			ext := filepath.Ext(e.Name())
			if e.IsDir() || !slices.Contains([]string{".jpg", ".jpeg", ".png", ".webp"}, strings.ToLower(ext)) {
				continue
			}
			img, err := files.read(filepath.Join(folder, e.Name()))
			if err != nil {
				return nil, err
			}
			items = append(items, captioned{strings.TrimSuffix(e.Name(), ext), img})
		}
	}
	return items, nil
}
