package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeSamples validates every configuration that a README of a plugin shows, the plugin's own part included.
func TestReadmeSamples(t *testing.T) {
	var readmes []string
	for _, pattern := range []string{"../../plugins/*/README.md", "../../profilers/*/README.md", "../../examples/*/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		readmes = append(readmes, found...)
	}
	fence := regexp.MustCompile("(?s)```hcl\n(.*?)```")
	model := regexp.MustCompile(`(?m)^model "([^"]+)"`)
	for _, readme := range readmes {
		t.Run(filepath.Base(filepath.Dir(readme)), func(t *testing.T) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(readme), "requirements.txt")); err == nil {
				t.Skip("a Python plugin: TestTorchProfile serves its sample")
			}
			text, err := os.ReadFile(readme)
			if err != nil {
				t.Fatal(err)
			}
			samples := fence.FindAllStringSubmatch(string(text), -1)
			if len(samples) == 0 {
				t.Fatal("the README shows no configuration")
			}
			dir := t.TempDir()
			buildExample(t, filepath.Dir(readme), dir)
			for _, s := range samples {
				sample := s[1]
				if !model.MatchString(sample) {
					sample += "\nmodel \"emoji\" {\n  stage \"dit\" {\n  }\n}\n"
				}
				for _, m := range model.FindAllStringSubmatch(sample, -1) { // only the served model's plugins are started
					write(t, dir, "plugins.hcl", sample+fmt.Sprintf("\nserver {\n  model = %q\n}\n", m[1]))
					if status, stderr := runStrobe(t, dir, "validate"); status != 0 {
						t.Errorf("model %q: exit status %d\n%s\n%s", m[1], status, stderr, sample)
					}
				}
			}
		})
	}
}

// TestReadmeProduction: the configuration for production is sound as it stands, with its files in place.
func TestReadmeProduction(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "## In production")
	sample := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindStringSubmatch(section)
	if !found || sample == nil || !strings.Contains(sample[1], "admin {") {
		t.Fatal("the README has no sample for production")
	}
	dir := shortDir(t)
	certificate(t, dir)
	for _, name := range []string{"control", "read", "keys"} {
		writeSecret(t, dir, name, "deploy a-long-token-of-"+name+"\n")
	}
	write(t, dir, "plugins.hcl", strings.ReplaceAll(strings.ReplaceAll(sample[1], "/etc/strobe", dir), "/run/strobe", dir)+oneStage)
	if status, stderr := runStrobe(t, dir, "validate"); status != 0 || stderr != "" {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
}

// buildExample puts the program of an example's module into dir, named like the example's folder.
func buildExample(t *testing.T, module, dir string) {
	t.Helper()
	if !strings.Contains(module, "examples") {
		return
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, filepath.Base(module)), ".")
	build.Dir = module
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}
