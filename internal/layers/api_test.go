package layers

import (
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the listing of the SDK's exported API anew")

// apiListing is what authors of plugins may use. A line that changes or goes breaks somebody's plugin.
const apiListing = "testdata/sdk-api.txt"

// TestSDKExports pins the SDK's exported API as it is on linux/amd64. What .proto files generate is held by buf, and
// what lies in internal folders is nobody's.
func TestSDKExports(t *testing.T) {
	var got strings.Builder
	for _, dir := range sdkPackages(t) {
		fmt.Fprintf(&got, "# %s\n", filepath.ToSlash(strings.TrimPrefix(dir, root+"/")))
		for _, d := range exported(t, dir) {
			got.WriteString("\n" + d + "\n")
		}
		got.WriteString("\n")
	}
	if *update {
		if err := os.WriteFile(apiListing, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(apiListing)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("the SDK's exported API changed: is no author's plugin broken? Then: go test ./internal/layers -run SDKExports -update, and a line in CHANGELOG.md\n%s", d)
	}
}

func sdkPackages(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(filepath.Join(root, "sdk"), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || !d.IsDir():
			return err
		case slices.Contains([]string{"internal", "proto", "testdata", "python"}, d.Name()):
			return filepath.SkipDir
		}
		if files, _ := filepath.Glob(filepath.Join(path, "*.go")); len(files) > 0 {
			dirs = append(dirs, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil || len(dirs) == 0 {
		t.Fatal(dirs, err)
	}
	return dirs
}

// exported lists a package's exported declarations as Go text: without comments, bodies and what is not exported.
func exported(t *testing.T, dir string) []string {
	t.Helper()
	target := build.Default
	target.GOOS, target.GOARCH, target.CgoEnabled = "linux", "amd64", false
	fset := token.NewFileSet()
	var files []*ast.File
	names, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, name := range names {
		if ok, err := target.MatchFile(dir, filepath.Base(name)); err != nil || !ok || strings.HasSuffix(name, "_test.go") {
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(fset, files, module+"/"+strings.TrimPrefix(dir, root+"/"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	put := func(d ast.Decl) { out = append(out, text(t, fset, d)) }
	values := func(vs []*doc.Value) {
		for _, v := range vs {
			put(v.Decl)
		}
	}
	funcs := func(fs []*doc.Func) {
		for _, f := range fs {
			put(f.Decl)
		}
	}
	values(p.Consts)
	values(p.Vars)
	funcs(p.Funcs)
	for _, ty := range p.Types {
		put(ty.Decl)
		values(ty.Consts)
		values(ty.Vars)
		funcs(ty.Funcs)
		funcs(ty.Methods)
	}
	return out
}

func text(t *testing.T, fset *token.FileSet, d ast.Decl) string {
	t.Helper()
	if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
		for _, s := range g.Specs {
			s.(*ast.ValueSpec).Values = nil // how it is made is not promised
		}
	}
	var b strings.Builder
	if err := (&printer.Config{Mode: printer.UseSpaces, Tabwidth: 8}).Fprint(&b, fset, d); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.SplitSeq(b.String(), "\n") {
		indent := ""
		if strings.HasPrefix(line, " ") {
			indent = "\t"
		}
		if line = strings.Join(strings.Fields(line), " "); line != "" { // no alignment: one change is one line
			lines = append(lines, indent+line)
		}
	}
	return strings.Join(lines, "\n")
}
