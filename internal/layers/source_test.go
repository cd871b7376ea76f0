package layers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/strobe-dev/strobe"

// root of the module, seen from this package's folder.
const root = "../.."

// file is one Go file of the module.
type file struct {
	path      string // relative to the root, with slashes
	dir       string // its folder; "." for the root
	pkg       string // the name in its package clause
	test      bool
	generated bool
	tree      *ast.File
	imports   []string
}

// sources are all Go files below dir, other modules and folders of test data left out.
func sources(t *testing.T, dir string) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != dir && skipped(name, d.Name()) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := read(dir, name)
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no Go files below %s", dir)
	}
	return files
}

func skipped(name, base string) bool {
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules" {
		return true
	}
	_, err := os.Stat(filepath.Join(name, "go.mod"))
	return err == nil
}

func read(dir, name string) (file, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return file{}, err
	}
	tree, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	rel, err := filepath.Rel(dir, name)
	if err != nil {
		return file{}, err
	}
	rel = filepath.ToSlash(rel)
	f := file{
		path: rel, dir: path.Dir(rel), pkg: tree.Name.Name, test: strings.HasSuffix(rel, "_test.go"),
		generated: ast.IsGenerated(tree), tree: tree,
	}
	for _, i := range tree.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return file{}, err
		}
		f.imports = append(f.imports, p)
	}
	return f, nil
}

// within reports whether path is tree or lies in it. A tree's last part may be *, any one folder.
func within(name, tree string) bool {
	if parent, ok := strings.CutSuffix(tree, "/*"); ok {
		return strings.HasPrefix(name, parent+"/")
	}
	return name == tree || strings.HasPrefix(name, tree+"/")
}

func withinAny(name string, trees []string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool { return within(name, tree) })
}

// own is the folder of an import of this module.
func own(imported string) (dir string, ok bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}
