package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// loadTrace reads recorded requests, one `Request(…)` a line. Other lines are passed over. Width and height of the flags
// win over the trace's; steps and seed of the trace win over the flags'.
func loadTrace(c *Config) ([]Request, error) {
	if c.DatasetPath == "" {
		return nil, errors.New("say where the trace is, with --dataset-path: nothing is downloaded")
	}
	files, err := expandPaths(c.DatasetPath)
	if err != nil {
		return nil, err
	}
	images := pictures{}
	var requests []Request
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the trace: %w", err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if len(requests) == c.NumPrompts {
				return requests, nil
			}
			row, ok, err := parseRequestLine(line)
			if !ok {
				continue
			}
			var r Request
			if err == nil {
				r, err = c.traceRequest(row, images)
			}
			if err != nil {
				return nil, fmt.Errorf("%s, line %d: %w", file, i+1, err)
			}
			requests = append(requests, r)
		}
	}
	if len(requests) == 0 {
		return nil, fmt.Errorf(`%s has no line such as Request(height=512, width=512, prompt="a cat")`, c.DatasetPath)
	}
	return requests, nil
}

// expandPaths takes names, folders (every .txt below) and patterns, with commas between them. Each file comes once.
func expandPaths(list string) ([]string, error) {
	var files []string
	for _, part := range strings.Split(list, ",") {
		part = strings.TrimSpace(part)
		var found []string
		var err error
		switch info, statErr := os.Stat(part); {
		case part == "":
			continue
		case statErr == nil && info.IsDir():
			found, err = textFiles(part)
		case statErr == nil || !strings.ContainsAny(part, "*?["):
			found = []string{part}
		default:
			if found, err = filepath.Glob(part); err == nil && len(found) == 0 {
				err = errors.New("no file matches")
			}
		}
		if err != nil {
			return nil, fmt.Errorf("look for traces in %s: %w", part, err)
		}
		for _, f := range found {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("--dataset-path %q names no file", list)
	}
	return files, nil
}

func textFiles(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".txt" {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

func (c *Config) traceRequest(row map[string]any, images pictures) (Request, error) {
	f := &fields{row: row}
	r := c.request(f.text("prompt", f.text("text", "")))
	if c.Width == 0 {
		r.Width, r.Height = f.positive("width"), f.positive("height")
		if (r.Width > 0) != (r.Height > 0) {
			f.fail("width and height go together")
		}
	}
	if steps := f.positive("num_inference_steps"); steps > 0 {
		r.Steps = steps
	}
	if seed := f.integer("seed"); seed != nil {
		r.Seed = seed
	}
	r.SLO = f.number("slo_ms")
	paths := f.texts("image_paths")
	if len(paths) == 0 {
		paths = f.texts("image_path")
	}
	if f.err != nil {
		return Request{}, f.err
	}
	if !c.needsImage() {
		return r, nil
	}
	if len(paths) == 0 {
		return Request{}, fmt.Errorf("--task %s needs an image, and the line has neither image_path nor image_paths", c.Task)
	}
	var err error
	r.Images, err = images.readAll(paths)
	return r, err
}

// fields reads the values of a row, whatever type they were written with. It keeps the first error.
type fields struct {
	row map[string]any
	err error
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

func (f *fields) text(name, otherwise string) string {
	switch v := f.row[name].(type) {
	case nil:
		return otherwise
	case string:
		if v == "" {
			return otherwise
		}
		return v
	default:
		return fmt.Sprint(v)
	}
}

// number is a number, or a text that is one; nil when there is none.
func (f *fields) number(name string) *float64 {
	var out float64
	switch v := f.row[name].(type) {
	case nil:
		return nil
	case int64:
		out = float64(v)
	case float64:
		out = v
	case string:
		n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil {
			f.fail("%s is %q, which is no number", name, v)
			return nil
		}
		out = n
	default:
		f.fail("%s is no number", name)
		return nil
	}
	if math.IsNaN(out) || math.IsInf(out, 0) {
		f.fail("%s is no finite number", name)
		return nil
	}
	return &out
}

// integer is a number without its fraction; nil when there is none.
func (f *fields) integer(name string) *int64 {
	if n, ok := f.row[name].(int64); ok {
		return &n
	}
	n := f.number(name)
	if n == nil {
		return nil
	}
	if math.Abs(*n) >= 1<<63 {
		f.fail("%s is %g, which is too large", name, *n)
		return nil
	}
	whole := int64(*n)
	return &whole
}

// maxCount bounds sizes and steps: what is larger is a slip, and the server would only refuse it.
const maxCount = 1 << 24

// positive is an integer of at least 1; 0 when there is none.
func (f *fields) positive(name string) int {
	n := f.integer(name)
	if n == nil {
		return 0
	}
	if *n < 1 || *n > maxCount {
		f.fail("%s is %d: it must be from 1 to %d", name, *n, maxCount)
		return 0
	}
	return int(*n)
}

// texts is a list of texts, or one.
func (f *fields) texts(name string) []string {
	switch v := f.row[name].(type) {
	case nil:
		return nil
	case string:
		if v == "" {
			return nil
		}
		return []string{v}
	case []any:
		var all []string
		for _, one := range v {
			text, ok := one.(string)
			if !ok || text == "" {
				f.fail("%s must be a list of texts", name)
				return nil
			}
			all = append(all, text)
		}
		return all
	}
	f.fail("%s must be a list of texts", name)
	return nil
}
