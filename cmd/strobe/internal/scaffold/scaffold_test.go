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

// TestNewPluginIsWhole writes both kinds, and has them formatted and vetted without a network: nothing is missing in their
// files, tests included. Those are run by the test of the SDK's guide.
func TestNewPluginIsWhole(t *testing.T) {
	for _, kind := range []string{"profiler", "model"} {
		t.Run(kind, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "made")
			at, written, err := Write(Options{Kind: kind, Name: "my-" + kind, Dir: dir, SDK: checkout})
			if err != nil || at != dir || len(written) != 6 {
				t.Fatal(at, written, err)
			}
			for _, path := range written {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if formatted, err := format.Source(b); filepath.Ext(path) == ".go" && (err != nil || !bytes.Equal(formatted, b)) {
					t.Errorf("%s is not as gofmt has it: %v", path, err)
				}
			}
			before := modFiles(t, dir)
			cmd := exec.Command("go", "vet", ".")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if after := modFiles(t, dir); after != before || !strings.Contains(before, "module example.org/my-"+kind+"\n") {
				t.Errorf("what the module needs was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

// modFiles are go.mod and go.sum.
func modFiles(t *testing.T, dir string) string {
	t.Helper()
	mod, err1 := os.ReadFile(filepath.Join(dir, "go.mod"))
	sum, err2 := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return string(mod) + string(sum)
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
		"two dashes":   {Options{Kind: "model", Name: "a--b", SDK: checkout}, "name"},
		"device":       {Options{Kind: "model", Name: "con", SDK: checkout}, "name"},
		"module":       {Options{Kind: "model", Name: "x", Module: "a b", SDK: checkout}, "--module"},
		"root module":  {Options{Kind: "model", Name: "x", Module: "/a/b", SDK: checkout}, "--module"},
		"open module":  {Options{Kind: "model", Name: "x", Module: "a/b/", SDK: checkout}, "--module"},
		"dash module":  {Options{Kind: "model", Name: "x", Module: "-x", SDK: checkout}, "--module"},
		"aux module":   {Options{Kind: "model", Name: "x", Module: "example.org/AUX", SDK: checkout}, "--module"},
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

// TestCheckoutFrom has go.mod find the checkout where paths are odd.
func TestCheckoutFrom(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"strobe/sdk/plugin", "my strobe/sdk/plugin", "deep/down", "mine"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for to, link := range map[string]string{"strobe": "linked", "deep/down": "short"} {
		if err := os.Symlink(filepath.Join(top, to), filepath.Join(top, link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct{ dir, sdk, want string }{
		"beside":             {"mine/x", "strobe", "../../strobe"},
		"above":              {"strobe/x", "strobe", ".."},
		"with a space":       {"mine/x", "my strobe", `"../../my strobe"`},
		"a link to it":       {"mine/x", "linked", "../../strobe"},
		"a folder in a link": {"short/x", "strobe", top + "/strobe"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := checkoutFrom(filepath.Join(top, test.dir), filepath.Join(top, test.sdk)); err != nil || got != test.want {
				t.Errorf("%s, want %s, %v", got, test.want, err)
			}
		})
	}
}
