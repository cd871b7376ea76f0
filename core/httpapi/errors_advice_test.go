package httpapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// advice is how a message says what to do: what to send, or what is possible.
var advice = regexp.MustCompile(`\b(?i:send|use|set|stop|start|GET|POST|list|leave|wait|try|add|name|call|say|give|ask|read|write|draw|raise|lower|serve|look|need|needs|takes?|must|limit is|each side|keep|unpin|delete|free|choose|answers?|log (has|says)|shows?|runs|there are|at most|at least|either)\b`)

// TestMessagesSayWhatToDo reads every message that this package writes: each says what is wrong and what to do.
func TestMessagesSayWhatToDo(t *testing.T) {
	seen := 0
	for name, f := range sources(t, ".") {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 3 {
				return true
			}
			fun := call.Fun
			if s, ok := fun.(*ast.SelectorExpr); ok {
				fun = s.Sel
			}
			if id, ok := fun.(*ast.Ident); !ok || id.Name != "failf" && id.Name != "fail" {
				return true
			}
			text := literal(call.Args[2])
			if seen++; text != "" && text != "%s" && !advice.MatchString(text) {
				t.Errorf("%s: does not say what to do: %s", name, text)
			}
			return true
		})
	}
	if seen < 50 {
		t.Errorf("only %d messages were found", seen)
	}
}

// sources are the files of the package in a folder, without its tests, by path.
func sources(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		if files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// literal is the text of a string literal or of several that are added.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	}
	return ""
}
