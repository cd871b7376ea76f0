package config

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/strobe-dev/strobe/sdk/diag"
)

// closest is the option that was probably meant by name, or "". A third of the letters may be wrong, at least one.
func closest(name string, options []string) string {
	if name == "" {
		return ""
	}
	best, bestDistance := "", len(name)/3+1
	for _, o := range options {
		if d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(o)); d <= bestDistance && d < len(name) {
			if best == "" || d < bestDistance {
				best, bestDistance = o, d
			}
		}
	}
	return best
}

// hint is the detail for a name that is none of options: what was probably meant, and what there is.
func hint(name, there string, options []string) string {
	var s string
	if c := closest(name, options); c != "" {
		s = fmt.Sprintf("did you mean %q?", c)
	}
	if len(options) == 0 {
		return s
	}
	if s != "" {
		s += "\n"
	}
	return s + there + ": " + strings.Join(options, ", ")
}

// notDeclared is the finding that a name outside the file is no block's label.
func notDeclared(what, kind, name string, declared []string) error {
	return Diagnostics{{
		Severity: diag.Error, Block: what,
		Summary: fmt.Sprintf("no %s %q is declared", kind, name),
		Detail:  hint(name, "declared", declared),
	}}
}
