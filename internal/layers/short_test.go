package layers

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPerfettoIsSmall holds the lines of code of a whole profiler, comments and blank lines aside, to what was promised.
func TestPerfettoIsSmall(t *testing.T) {
	const promised = 400
	lines := 0
	files, _ := filepath.Glob(filepath.Join(root, "profilers/perfetto/*.go"))
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				lines++
			}
		}
	}
	if lines > promised || lines == 0 {
		t.Errorf("profilers/perfetto has %d lines of code, %d are promised", lines, promised)
	}
}

// TestPluginsStartShort holds what a plugin's author must write to what it was promised to be, in lines.
func TestPluginsStartShort(t *testing.T) {
	for _, limit := range []struct {
		pattern string
		lines   int
	}{
		{"plugins/*/cmd/*/main.go", 15},
		{"profilers/*/cmd/*/main.go", 15},
		{"examples/profiler-steps/main.go", 75}, // a useful plugin with its main
		{"examples/profiler-steps/main_test.go", 15},
		{"cmd/strobe/internal/scaffold/*/main.go.tmpl", 15},
		{"cmd/strobe/internal/scaffold/*/plugin.go.tmpl", 75},
		{"cmd/strobe/internal/scaffold/*/plugin_test.go.tmpl", 15},
	} {
		files, _ := filepath.Glob(filepath.Join(root, limit.pattern))
		if len(files) == 0 {
			t.Errorf("nothing is %s", limit.pattern)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(b, []byte("\n")); n > limit.lines {
				t.Errorf("%s has %d lines, %d are promised", name, n, limit.lines)
			}
		}
	}
}
