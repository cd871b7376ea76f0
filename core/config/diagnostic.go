package config

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/strobe-dev/strobe/sdk/diag"
)

// Diagnostic is one finding about a configuration.
type Diagnostic struct {
	Severity diag.Severity
	Summary  string    // one line, no full stop
	Detail   string    // what to do about it; may be empty
	Block    string    // the block in words: `profiler "otlp"`; may be empty
	Path     diag.Path // within the block; may be empty
	// Subject is what the caret underlines; the zero range when the finding has no place in a file.
	Subject hcl.Range
	// Partial tells that the file holds nothing at Path, so Subject is what encloses it.
	Partial bool
	src     *source
}

// Text is the finding in one line, without its place. It names the value that it is about, if its summary does not.
func (d Diagnostic) Text() string {
	s := d.Summary
	if n := len(d.Path); n > 0 && (d.Partial || d.src == nil || !strings.Contains(s, d.Path[n-1])) {
		s = d.Path.String() + ": " + s
	}
	if d.Block != "" && d.src == nil {
		s = d.Block + ": " + s
	}
	return s
}

// String is the finding in one line: file:line:column, severity, text and detail.
func (d Diagnostic) String() string {
	s := severity(d.Severity) + ": " + d.Text()
	if d.src != nil {
		s = position(d.Subject) + ": " + s
	}
	if d.Detail != "" {
		s += "; " + strings.ReplaceAll(d.Detail, "\n", " ")
	}
	return s
}

func severity(s diag.Severity) string {
	if s == diag.Warning {
		return "warning"
	}
	return "error"
}

// Diagnostics is a list of findings. It is an error when one of them is; see [Diagnostics.Err].
type Diagnostics []Diagnostic

// Error is every finding, one a line. [Diagnostics.Render] shows the source lines too.
func (ds Diagnostics) Error() string {
	var lines []string
	for _, d := range ds {
		lines = append(lines, d.String())
	}
	return strings.Join(lines, "\n")
}

// HasErrors reports whether a finding is more than a warning.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity != diag.Warning })
}

// Err is the list as an error when it has errors, else nil.
func (ds Diagnostics) Err() error {
	if !ds.HasErrors() {
		return nil
	}
	return ds
}

// Sort orders findings by their place in the file; those without a place come last, in the order they were found.
func (ds Diagnostics) Sort() {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		if (a.src == nil) != (b.src == nil) {
			if a.src == nil {
				return 1
			}
			return -1
		}
		return a.Subject.Start.Byte - b.Subject.Start.Byte
	})
}
