package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestGuide runs every command of the SDK's guide as a reader would paste them: in one shell, beside a checkout.
func TestGuide(t *testing.T) {
	t.Parallel() // the Go tool takes its time
	for _, tool := range []string{"bash", "sed", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the guide's commands need %s", tool)
		}
	}
	guide, err := os.ReadFile("../../sdk/GUIDE.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	checkout, err1 := filepath.Abs("../..")
	exe, err2 := os.Executable()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	for _, folder := range []string{"bin", "mine"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, "bin/strobe", fmt.Sprintf("#!/bin/sh\nexport %s=1\nexec '%s' \"$@\"\n", asStrobe, exe))
	if err := os.Chmod(filepath.Join(dir, "bin", "strobe"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(checkout, filepath.Join(dir, "strobe")); err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(guide), -1) {
		script.WriteString(m[1])
	}
	address := freeAddress(t)
	cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-c", strings.ReplaceAll(script.String(), "127.0.0.1:8091", address))
	cmd.Dir = filepath.Join(dir, "mine")
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), envServer+"=http://"+address,
		"GOFLAGS=-mod=mod -ldflags=-w", "GOPROXY=off", "GOWORK=off") // -w: linked in half the time
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "mine", "slowest", "serve.log"))
		t.Fatalf("%v\n%s\nserver:\n%s", err, out.String(), log)
	}
	for _, want := range []string{ // what the guide says comes of it
		"plugins.hcl:8:", "0 is out of range: 1 to 1000", "ms\tspan\tstage and rank\trequest", "denoise_step",
		"gradient 0.1.0, a model plugin", "0 failed", `"failed":0`, "This is the Strobe profiler plugin", "slowest 1.0.0, a profiler plugin", "no replace",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the guide's commands never print %q", want)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
	guideNamesModules(t, string(guide), filepath.Join(dir, "mine", "gradient", "go.mod"))
}

// guideNamesModules holds the guide's list of modules equal to what a new plugin's go.mod has.
func guideNamesModules(t *testing.T, guide, mod string) {
	t.Helper()
	text, err := os.ReadFile(mod)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(guide, "**What your go.mod gains**")
	table, _, _ := strings.Cut(section, "`sdk/cuda`")
	named := map[string]bool{}
	for _, m := range regexp.MustCompile(`[a-z.]+\.(?:org|com)/[\w./-]+`).FindAllString(table, -1) {
		named[m] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+ // indirect`).FindAllStringSubmatch(string(text), -1) {
		if !named[m[1]] {
			t.Errorf("the guide does not say that a plugin's go.mod gains %s", m[1])
		}
		delete(named, m[1])
	}
	for m := range named {
		t.Errorf("the guide says that a plugin's go.mod gains %s, and it does not", m)
	}
}

// TestGuideShowsTheExample holds the options that the guide shows equal to those of a tested example.
func TestGuideShowsTheExample(t *testing.T) {
	guide, err1 := os.ReadFile("../../sdk/GUIDE.md")
	example, err2 := os.ReadFile("../../sdk/schema/example_test.go")
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	shown := regexp.MustCompile("(?s)```go\n(type Export .*?)```").FindSubmatch(guide)
	if shown == nil || !bytes.Contains(example, shown[1]) {
		t.Errorf("sdk/schema/example_test.go does not hold\n%s", shown)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
