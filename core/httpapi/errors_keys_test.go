package httpapi

import (
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

// configKey is a key of the configuration as messages call it: server.limits.body_timeout.
var configKey = regexp.MustCompile(`\b(?:server|profile|flight_recorder)((?:\.[a-z_]+)+)`)

// TestMessagesNameKeysThatExist: what a message tells its reader to change is in plugins.hcl under that name.
func TestMessagesNameKeysThatExist(t *testing.T) {
	shipped, err := os.ReadFile("../../plugins.hcl")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^[ #]*([a-z_]+)(?:\s+=|\s+(?:"[a-z0-9-]+" )?\{)`).FindAllStringSubmatch(string(shipped), -1) {
		known[m[1]] = true
	}
	seen := 0
	for name, text := range messageTexts(t) {
		for _, m := range configKey.FindAllStringSubmatch(text, -1) {
			switch m[1] {
			case ".json", ".crt", ".key", ".deleted": // files, an object's name in replies
				continue
			}
			seen++
			for _, part := range strings.Split(m[1][1:], ".") {
				if !known[part] {
					t.Errorf("%s names %s, which plugins.hcl has no key for", name, m[0])
				}
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d keys were found in messages", seen)
	}
}

// messageTexts are the string literals of the packages whose errors users read, and the documents about them, by file.
func messageTexts(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, dir := range []string{".", "../profile", "../engine"} {
		for name, f := range sources(t, dir) {
			ast.Inspect(f, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					texts[name] += literal(l) + "\n"
				}
				return true
			})
		}
	}
	for _, name := range []string{"../../README.md", "../../docs/errors.md", "../../docs/profiles.md", "../../docs/profile-options.md", "openapi.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	return texts
}
