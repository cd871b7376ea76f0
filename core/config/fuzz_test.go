package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/core/config"
)

// FuzzParse: no text makes the parser panic, and every finding has a place that can be shown.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/findings/*.hcl")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range append(files, "testdata/full.hcl") {
		src, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src))
	}
	f.Add("a = " + strings.Repeat("-", 1000) + "1")
	f.Add("a = " + strings.Repeat("true ? 1 : ", 1000) + "1")
	f.Add("model \"a\" {\nstage \"dit\" {\nconfig {\nx = 1e2147483647\n}\n}\n}\n")
	f.Fuzz(func(t *testing.T, src string) {
		c, err := config.Parse([]byte(src), "fuzz.hcl", known)
		if err == nil {
			if c == nil {
				t.Fatal("neither a configuration nor an error")
			}
			if _, err := c.ServedModel(); err != nil {
				t.Fatalf("a sound configuration serves nothing: %v", err)
			}
			return
		}
		found, ok := err.(config.Diagnostics)
		if !ok || !found.HasErrors() {
			t.Fatalf("error %T %v, want findings", err, err)
		}
		var b strings.Builder
		if err := found.Render(&b); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(b.String(), func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }) {
			t.Fatalf("control characters in %q", b.String())
		}
		for _, d := range found {
			if d.Summary == "" || d.Subject.Filename != "fuzz.hcl" {
				t.Errorf("finding without text or place: %+v", d)
			}
		}
	})
}
