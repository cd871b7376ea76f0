package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var known = config.Known{Models: []string{"dit", "resize"}, Profilers: []string{"chrome"}}

// rendered is every finding about a file of testdata/findings, named by its base name.
func rendered(t *testing.T, path string) string {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = config.Parse(src, filepath.Base(path), known)
	found, ok := err.(config.Diagnostics)
	if !ok {
		t.Fatalf("Parse error is %T (%v), want findings", err, err)
	}
	return render(t, found)
}

func render(t *testing.T, found config.Diagnostics) string {
	t.Helper()
	var b strings.Builder
	if err := found.Render(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; make it with go test ./core/config -update", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

func TestFindings(t *testing.T) {
	files, err := filepath.Glob("testdata/findings/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files (%v)", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".hcl"), func(t *testing.T) {
			golden(t, strings.TrimSuffix(path, ".hcl")+".txt", rendered(t, path))
		})
	}
}
