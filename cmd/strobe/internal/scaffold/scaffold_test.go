package scaffold

import (
	"bytes"
	"errors"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const checkout = "../../../.."

// TestNewPluginIsWhole writes both kinds, and has them formatted, vetted, tested and built without a network.
func TestNewPluginIsWhole(t *testing.T) {
	for _, kind := range []string{"profiler", "model"} {
		t.Run(kind, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "made")
			at, written, err := Write(Options{Kind: kind, Name: "my-" + kind, Dir: dir, SDK: checkout})
			if err != nil || at != dir || len(written) != 6 {
				t.Fatal(at, written, err)
			}
			limits := map[string]int{"main.go": 15, "plugin.go": 75, "plugin_test.go": 15}
			for name, limit := range limits {
				b, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				if formatted, err := format.Source(b); err != nil || !bytes.Equal(formatted, b) {
					t.Errorf("%s is not as gofmt has it: %v", name, err)
				}
				if n := bytes.Count(b, []byte("\n")); n > limit {
					t.Errorf("%s has %d lines, %d would be good", name, n, limit)
				}
			}
			for _, args := range [][]string{{"vet", "."}, {"test", "."}} { // test builds it, too
				cmd := exec.Command("go", args...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("go %v: %v\n%s", args, err, out)
				}
			}
			// What the module needs is in its files already.
			for _, name := range []string{"go.mod", "go.sum"} {
				b, _ := os.ReadFile(filepath.Join(dir, name))
				if name == "go.mod" && !bytes.Contains(b, []byte("module example.org/my-"+kind)) {
					t.Errorf("%s:\n%s", name, b)
				}
			}
		})
	}
}

// TestFilesAreTheExamples holds what a new module needs equal to what the example needs, which CI keeps tidy.
func TestFilesAreTheExamples(t *testing.T) {
	for _, name := range []string{"go.mod", "go.sum"} {
		example, err := os.ReadFile(filepath.Join(checkout, "examples", "profiler-steps", name))
		if err != nil {
			t.Fatal(err)
		}
		ours, err := files.ReadFile(name + ".txt")
		if err != nil || !bytes.Equal(example, ours) {
			t.Errorf("%s.txt differs: cp examples/profiler-steps/%s cmd/strobe/internal/scaffold/%s.txt (%v)", name, name, name, err)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for name, test := range map[string]struct {
		o      Options
		option string
	}{
		"kind":         {Options{Kind: "exporter", Name: "x", SDK: checkout}, "kind"},
		"no name":      {Options{Kind: "model", SDK: checkout}, "name"},
		"path as name": {Options{Kind: "model", Name: "../x", SDK: checkout}, "name"},
		"capital name": {Options{Kind: "model", Name: "Mine", SDK: checkout}, "name"},
		"module":       {Options{Kind: "model", Name: "x", Module: "a b", SDK: checkout}, "--module"},
		"no sdk":       {Options{Kind: "model", Name: "x"}, "--sdk"},
		"wrong sdk":    {Options{Kind: "model", Name: "x", SDK: "."}, "--sdk"},
		"existing":     {Options{Kind: "model", Name: "x", Dir: ".", SDK: checkout}, "--dir"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Write(test.o)
			var bad *OptionError
			if !errors.As(err, &bad) || bad.Option != test.option {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestReleasedVersion(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	if _, _, err := Write(Options{Kind: "profiler", Name: "x", Dir: dir, Module: "corp.example/x", Version: "v1.2.3"}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !strings.Contains(string(b), "module corp.example/x\n") || !strings.Contains(string(b), "strobe-dev/strobe v1.2.3\n") || strings.Contains(string(b), "replace") {
		t.Errorf("%s %v", b, err)
	}
}
