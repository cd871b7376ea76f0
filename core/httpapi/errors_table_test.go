package httpapi

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/profile"
)

var update = flag.Bool("update", false, "write the table of errors into docs/errors.md and openapi.json")

// sentCodes are the codes that a reply can have, sorted.
func sentCodes() []string {
	var all []string
	for _, row := range errorTable {
		if row.status != statusClientClosed {
			all = append(all, row.code)
		}
	}
	slices.Sort(all)
	return all
}

// TestErrorTable: every code has one row that says all, and docs/errors.md and the document have the same.
func TestErrorTable(t *testing.T) {
	seen := map[string]bool{}
	if (&apiError{Code: "nonsense"}).status() != http.StatusInternalServerError {
		t.Error("an unknown code is not 500")
	}
	for _, row := range errorTable {
		if seen[row.code] || row.code == "" {
			t.Errorf("two rows of code %q", row.code)
		}
		seen[row.code] = true
		if http.StatusText(row.status) == "" && row.status != statusClientClosed || row.status < 400 {
			t.Errorf("%s: status %d", row.code, row.status)
		}
		if !strings.HasSuffix(row.when, ".") || !strings.HasSuffix(row.remedy, ".") {
			t.Errorf("%s: when and remedy are sentences: %q, %q", row.code, row.when, row.remedy)
		}
	}
	holdSection(t, "../../docs/errors.md", regexp.MustCompile(`(?s)\| code \|.*?\n\n`), markdownErrors())
	const indent = "\n                "
	enum := `"enum": [` + indent + `  "` + strings.Join(sentCodes(), `",`+indent+`  "`) + `"` + indent + `]`
	holdSection(t, "openapi.json", regexp.MustCompile(`"enum": \[[^\]]*"invalid_json"[^\]]*\]`), enum)
}

// holdSection compares the part of a file with what it should be, or writes it.
func holdSection(t *testing.T, file string, part *regexp.Regexp, want string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := part.FindIndex(text)
	if at == nil {
		t.Fatalf("%s has no %s", file, part)
	}
	if *update {
		text = slices.Concat(text[:at[0]], []byte(want), text[at[1]:])
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text[at[0]:at[1]])); diff != "" {
		t.Errorf("%s is not what the code says; go test ./core/httpapi -run '%s' -update writes it: %s", file, t.Name(), diff)
	}
}

// markdownErrors is the table as docs/errors.md has it.
func markdownErrors() string {
	var b bytes.Buffer
	b.WriteString("| code | status | type | when | what to do |\n| --- | --- | --- | --- | --- |\n")
	for _, row := range errorTable {
		fmt.Fprintf(&b, "| `%s` | %d | `%s` | %s | %s |\n", row.code, row.status, row.typ(), row.when, row.remedy)
	}
	return b.String() + "\n"
}

// constants are a file's constants whose names begin with prefix, by their values.
func constants(t *testing.T, file, prefix string) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) || len(spec.Values) != 1 {
			return true
		}
		if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			value, _ := strconv.Unquote(lit.Value)
			found[value] = spec.Names[0].Name
		}
		return true
	})
	return found
}

// TestErrorTableComplete: every code has a row, every code of core/profile is one row's, and no row is for nothing.
func TestErrorTableComplete(t *testing.T) {
	var rows []string
	var domain []string
	for _, row := range errorTable {
		rows = append(rows, row.code)
		for _, c := range row.codes {
			domain = append(domain, string(c))
		}
	}
	slices.Sort(rows)
	slices.Sort(domain)
	own := constants(t, "errors_table.go", "code")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(own)), rows); diff != "" {
		t.Errorf("constants and rows differ: %s", diff)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(constants(t, "../profile/errors.go", "Code"))), domain); diff != "" {
		t.Errorf("codes of core/profile and the rows' differ: %s", diff)
	}
	var sources bytes.Buffer
	files, _ := filepath.Glob("*.go")
	for _, name := range files {
		if name == "errors_table.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(text)
	}
	for _, row := range errorTable {
		name := own[row.code]
		if row.codes == nil && row.is == nil && !regexp.MustCompile(`\b`+name+`\b`).Match(sources.Bytes()) {
			t.Errorf("nothing answers with %s (%s)", row.code, name)
		}
	}
}

// TestDomainErrors: what another package of core says becomes its row's error, and says what to do.
func TestDomainErrors(t *testing.T) {
	for _, row := range errorTable {
		for _, code := range row.codes {
			e := &profile.Error{Code: code, Message: "it broke", Param: "p"}
			got := domainError(domainRow(fmt.Errorf("start: %w", e)), e)
			if got.Code != row.code || got.Param != "p" || !strings.HasPrefix(got.Message, "it broke") {
				t.Errorf("%s became %+v", code, got)
			}
			if row.told && !strings.HasSuffix(got.Message, plainText(row.remedy)) {
				t.Errorf("%s does not say what to do: %s", code, got.Message)
			}
		}
	}
}
