package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/config"
)

// Hostile text is refused, or read, without overflowing the stack or taking long: a second at most where HCL itself is
// quadratic, asserted at twenty.
func TestHostileTextIsCheap(t *testing.T) {
	const size = 60 << 10
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for name, src := range map[string]string{
		"minus signs":    "a = " + fill("-") + "1",
		"minus lines":    "a = (" + fill("-\n") + "1)",
		"negations":      "a = " + fill("!") + "1",
		"conditions":     "a = " + fill("1?1:") + "1",
		"parentheses":    "a = " + fill("("),
		"lists":          "a = " + fill("["),
		"templates":      "a = " + fill("\"${"),
		"blocks":         fill("a {\n"),
		"sums":           "a = " + fill("1+") + "1",
		"attributes":     "a = b" + fill(".a"),
		"indices":        "a = b" + fill("[0]"),
		"heredoc":        "a = <<E\n" + fill("x\n") + "E\n",
		"digits":         "a = " + fill("9"),
		"exponent":       "a = 1e2147483647",
		"small exponent": "model \"a\" {\n  stage \"dit\" {\n    config {\n      x = -1e-99999999\n    }\n  }\n}\n" + "a = 1e99999999",
		"many findings":  fill("abc = 1\n"),
		"one long line":  "a = \"" + fill("x") + "\"",
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			_, err := config.Parse([]byte(src), "x.hcl", known)
			found, ok := err.(config.Diagnostics)
			if !ok || !found.HasErrors() {
				t.Fatalf("error %v, want findings", err)
			}
			if text := render(t, found); len(text) > 1<<24 {
				t.Errorf("%d bytes of findings", len(text))
			}
			if d := time.Since(begin); d > 20*time.Second {
				t.Errorf("took %s", d)
			}
		})
	}
}
