package layers

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// layerOf is the longest tree that dir lies in.
func layerOf(dir string) (layer, bool) {
	var best layer
	for _, l := range table {
		if within(dir, l.tree) && len(l.tree) > len(best.tree) {
			best = l
		}
	}
	return best, best.tree != ""
}

// home is the folder that a package may import all of: its layer's tree, or for trees of many plugins its own one.
func home(l layer, dir string) string {
	parent, ok := strings.CutSuffix(l.tree, "/*")
	if !ok {
		return l.tree
	}
	plugin, _, _ := strings.Cut(strings.TrimPrefix(dir, parent+"/"), "/")
	return parent + "/" + plugin
}

// wrong says why a file may not import what it imports, or "".
func wrong(f file, imported string) string {
	l, ok := layerOf(f.dir)
	if !ok {
		return "its folder is in no layer: add it to the table in internal/layers"
	}
	if f.dir == "." && !f.test && imported != "embed" {
		return "package strobe embeds plugins.hcl and does nothing else"
	}
	if standard(imported) {
		return ""
	}
	if dir, ok := own(imported); ok {
		return wrongOwn(f, l, dir)
	}
	switch {
	case f.test && withinAny(imported, testOnly):
	case f.test && within(f.dir, "cmd"):
	case withinAny(imported, l.never):
		return "this layer never imports it"
	case slices.Contains(l.third, "*"), withinAny(imported, l.third):
	default:
		return "it is not among the layer's third parties"
	}
	return ""
}

func wrongOwn(f file, l layer, dir string) string {
	if dir == "." {
		if within(f.dir, "cmd") || f.test && f.dir == "." {
			return ""
		}
		return "only cmd imports package strobe"
	}
	if l.tree == "." && f.test {
		return ""
	}
	if within(dir, "cmd") && !within(f.dir, "cmd") {
		return "nobody imports cmd"
	}
	if within(dir, home(l, f.dir)) || slices.Contains(l.own, "*") || withinAny(dir, l.own) {
		return ""
	}
	for _, leaf := range table {
		if within(dir, leaf.tree) && withinAny(f.dir, leaf.leafOf) {
			return ""
		}
	}
	for tree, more := range ownInTests {
		if f.test && within(f.dir, tree) && withinAny(dir, more) {
			return ""
		}
	}
	return "the layer may import only " + strings.Join(append([]string{home(l, f.dir)}, l.own...), ", ")
}

func TestImportsKeepToTheLayers(t *testing.T) {
	for _, f := range sources(t, root) {
		for _, imported := range f.imports {
			if why := wrong(f, imported); why != "" {
				t.Errorf("%s imports %s: %s", f.path, imported, why)
			}
		}
	}
}

// The rules themselves, on imports that must and must not pass.
func TestRules(t *testing.T) {
	for name, tc := range map[string]struct {
		path, imported string
		good           bool
	}{
		"standard library":                  {"sdk/trace/x.go", "net/http", true},
		"package strobe":                    {"strobe.go", "embed", true},
		"package strobe and more":           {"strobe.go", "os", false},
		"core and the wire":                 {"core/profile/x.go", module + "/internal/wire", true},
		"core and a plugin":                 {"core/engine/x.go", module + "/plugins/dit", false},
		"core's test and a plugin":          {"core/engine/x_test.go", module + "/plugins/dit", false},
		"core and a profiler":               {"core/profile/x.go", module + "/profilers/chrome", false},
		"core and cmd":                      {"core/profile/x.go", module + "/cmd/strobe/internal/client", false},
		"core and go-plugin":                {"core/catalog/x.go", goPlugin, false},
		"core and hclog":                    {"core/catalog/x.go", hclog, false},
		"core and package strobe":           {"core/config/x.go", module, false},
		"core/config and other core":        {"core/config/x.go", module + "/core/engine", false},
		"hcl outside config":                {"core/profile/x.go", hcl, false},
		"the wire and go-plugin's runner":   {"internal/wire/x.go", goPlugin + "/runner", true},
		"the wire and core":                 {"internal/wire/x.go", module + "/core/engine", false},
		"the recorder and grpc":             {"sdk/trace/x.go", grpc, false},
		"the recorder and the reader":       {"sdk/trace/x.go", module + "/sdk/recording", false},
		"the recorder's test and reader":    {"sdk/trace/x_test.go", module + "/sdk/recording", true},
		"the reader and the recorder":       {"sdk/recording/x.go", module + "/sdk/trace", true},
		"sdk and core":                      {"sdk/plugin/x.go", module + "/core/engine", false},
		"sdk/plugin and the wire":           {"sdk/plugin/x.go", module + "/internal/wire", true},
		"sdk/model and the wire":            {"sdk/model/x.go", module + "/internal/wire", false},
		"a plugin and its own folder":       {"plugins/dit/x.go", module + "/plugins/dit/internal/safetensors", true},
		"a plugin and another":              {"plugins/dit/x.go", module + "/plugins/resize", false},
		"a plugin and a profiler":           {"plugins/dit/x.go", module + "/profilers/chrome", false},
		"a plugin and the wire":             {"plugins/dit/x.go", module + "/internal/wire", false},
		"a plugin and its third parties":    {"plugins/dit/x.go", "github.com/viterin/vek/vek32", true},
		"a plugin and grpc":                 {"plugins/dit/x.go", grpc, false},
		"a plugin and purego":               {"plugins/dit/x.go", purego, false},
		"a profiler and purego":             {"profilers/hostmon/x.go", purego, true},
		"cmd and purego":                    {"cmd/strobe/x.go", purego, false},
		"the sdk and purego":                {"sdk/trace/x.go", purego, false},
		"a profiler's main and the profile": {"profilers/chrome/cmd/x/main.go", module + "/profilers/chrome", true},
		"cmd and everything":                {"cmd/strobe/x.go", module + "/profilers/chrome", true},
		"cmd and go-plugin":                 {"cmd/strobe/x.go", goPlugin, false},
		"core/config and the words":         {"core/config/x.go", module + "/internal/words", true},
		"a plugin and the words":            {"plugins/dit/x.go", module + "/internal/words", false},
		"the words and the sdk":             {"internal/words/x.go", module + "/sdk/diag", false},
		"an unknown folder":                 {"lib/x.go", "fmt", false},
		"a test library outside tests":      {"core/engine/x.go", "go.uber.org/goleak", false},
		"a test library in a test":          {"core/engine/x_test.go", "go.uber.org/goleak", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := file{path: tc.path, dir: filepath.ToSlash(filepath.Dir(tc.path)), test: strings.HasSuffix(tc.path, "_test.go")}
			if why := wrong(f, tc.imported); (why == "") != tc.good {
				t.Errorf("%s imports %s: %q", tc.path, tc.imported, why)
			}
		})
	}
}

// Modules that our own examples, each a module, may see of us: the SDK and nothing else.
func TestExamplesImportOnlyTheSDK(t *testing.T) {
	mods, err := filepath.Glob(filepath.Join(root, "examples", "*", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, mod := range mods {
		self := moduleName(t, mod)
		for _, f := range sources(t, filepath.Dir(mod)) {
			for _, imported := range f.imports {
				if imported == self || strings.HasPrefix(imported, self+"/") {
					continue
				}
				if dir, ok := own(imported); ok && !within(dir, "sdk") {
					t.Errorf("%s: %s imports %s: authors import sdk and nothing else of ours", filepath.Dir(mod), f.path, imported)
				}
			}
		}
	}
}

func moduleName(t *testing.T, mod string) string {
	t.Helper()
	text, err := os.ReadFile(mod)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^module (\S+)`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("%s names no module", mod)
	}
	return string(m[1])
}

// authorsGet are the trees that every plugin is built with.
var authorsGet = []string{"sdk", "internal/wire", "internal/words"}

func TestSDKDependencies(t *testing.T) {
	found := map[string]bool{}
	for _, f := range sources(t, root) {
		if f.test || !withinAny(f.dir, authorsGet) {
			continue
		}
		for _, imported := range f.imports {
			if _, ours := own(imported); ours || standard(imported) {
				continue
			}
			i := slices.IndexFunc(sdkDependencies, func(m string) bool { return within(imported, m) })
			if i < 0 {
				t.Errorf("%s imports %s, which plugin authors would have to depend on", f.path, imported)
				continue
			}
			found[sdkDependencies[i]] = true
		}
	}
	for _, m := range sdkDependencies {
		if !found[m] {
			t.Errorf("nothing in sdk imports %s any more: take it off the list", m)
		}
	}
}

func TestNoInitFunctions(t *testing.T) {
	for _, f := range sources(t, root) {
		for _, d := range f.tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" && !f.generated {
				t.Errorf("%s has an init function: wire it where it is used", f.path)
			}
		}
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	type pkg struct{ dir, name string }
	comments := map[pkg]string{}
	for _, f := range sources(t, root) {
		p := pkg{f.dir, f.pkg}
		if f.test || f.generated {
			continue
		}
		if _, ok := comments[p]; !ok {
			comments[p] = ""
		}
		if text := strings.TrimSpace(f.tree.Doc.Text()); text != "" {
			comments[p] = text
		}
	}
	for p, text := range comments {
		switch {
		case text == "":
			t.Errorf("package %s in %s has no comment", p.name, p.dir)
		case p.name != "main" && !strings.HasPrefix(text, "Package "+p.name+" "):
			t.Errorf("the comment of package %s in %s starts %.30q, must start with Package %s", p.name, p.dir, text, p.name)
		}
	}
}
