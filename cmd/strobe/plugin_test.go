package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// output runs the program in dir.
func output(t *testing.T, dir string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asStrobe+"=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// TestReadmeOptions holds the table of options in every built-in plugin's README equal to what the plugin says itself.
func TestReadmeOptions(t *testing.T) {
	for _, b := range builtins() {
		t.Run(b.name, func(t *testing.T) {
			folder := map[string]string{"model": "plugins", "profiler": "profilers"}[b.kind]
			readme, err := os.ReadFile(filepath.Join("../..", folder, b.name, "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			status, out, stderr := output(t, t.TempDir(), "plugin", "docs", b.name)
			if status != 0 {
				t.Fatalf("exit status %d\n%s", status, stderr)
			}
			_, table, _ := strings.Cut(out, "\n\n")
			if strings.HasPrefix(table, "|") && !strings.Contains(string(readme), table) {
				t.Errorf("README.md lacks the table that `strobe plugin docs %s` prints:\n%s", b.name, table)
			}
		})
	}
}

// TestNewPluginsServe writes a model and a profiler, builds and checks them, serves the one and profiles with the other.
func TestNewPluginsServe(t *testing.T) {
	dir := t.TempDir()
	sdk, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"model", "profiler"} {
		name := "my-" + kind
		if status, out, stderr := output(t, dir, "plugin", "new", kind, name, "--sdk", sdk); status != 0 || !strings.Contains(out, name) {
			t.Fatalf("exit status %d\n%s%s", status, out, stderr)
		}
		build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-w", "-o", "../"+name+"-program", ".")
		build.Dir = filepath.Join(dir, name)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		status, out, stderr := output(t, dir, "plugin", "check", "--json", "--only", "key", name+"-program") // TestGuide runs all checks
		var r checkReport
		if err := json.Unmarshal([]byte(out), &r); err != nil || status != 0 || r.Failed > 0 || r.Passed != 1 || r.Plugin.Kind != kind {
			t.Errorf("check: exit status %d, %v\n%s%s", status, err, out, stderr)
		}
	}
	model, modelAlone := readmeBlocks(t, dir, "my-model")
	profiler, profilerAlone := readmeBlocks(t, dir, "my-profiler")
	for _, alone := range []string{model + modelAlone, profiler + profilerAlone} {
		write(t, dir, "plugins.hcl", alone)
		if status, out, stderr := output(t, dir, "validate"); status != 0 {
			t.Errorf("exit status %d\n%s%s\n%s", status, out, stderr, alone)
		}
	}
	hcl := model + profiler + strings.Replace(profilerAlone[strings.Index(profilerAlone, "server"):], "emoji", "my-model", 1)
	bad := strings.NewReplacer("side = 64", "side = 7\n      sid  = 64", "keep = 20", `keep = "all"`).Replace(hcl)
	write(t, dir, "plugins.hcl", bad)
	status, out, stderr := output(t, dir, "validate")
	for wrong, says := range map[string]string{
		"side = 7": "side: 7 is out of range: 8 to 1024", "sid  = 64": `unknown key "sid"`, `keep = "all"`: "keep: must be a whole number, not text",
	} {
		before, _, _ := strings.Cut(bad, wrong)
		line, column := strings.Count(before, "\n")+1, len(before)-strings.LastIndex(before, "\n")
		if status != 2 || !regexp.MustCompile(fmt.Sprintf(`plugins.hcl:%d:%d: error: .*%s`, line, column, regexp.QuoteMeta(says))).MatchString(stderr) {
			t.Errorf("exit status %d, no %q at %d:%d\n%s%s", status, says, line, column, out, stderr)
		}
	}
	write(t, dir, "plugins.hcl", hcl)
	p := startServerIn(t, dir)
	p.post("/start_profile", "")
	if r := p.post("/v1/images/generations", `{"prompt":"a gradient","num_inference_steps":5}`); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	view := p.stopProfile()
	if len(view.Artifacts) != 1 {
		t.Fatalf("artifacts: %+v", view.Artifacts)
	}
	b, err := os.ReadFile(filepath.Join(dir, "profiles", view.ID, view.Artifacts[0].Path))
	if err != nil || strings.Count(string(b), "denoise_step") != 5 || !strings.Contains(string(b), "pipeline_forward") {
		t.Errorf("%s %v", b, err)
	}
}

// readmeBlocks are what a new plugin's README shows for plugins.hcl, for the program as the test built it: the plugin, and
// what else it takes.
func readmeBlocks(t *testing.T, dir, name string) (plugin, alone string) {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(dir, name, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d configurations in\n%s", len(blocks), readme)
	}
	return strings.Replace(blocks[0][1], `"./`+name+`"`, `"./`+name+`-program"`, 1), blocks[1][1]
}
