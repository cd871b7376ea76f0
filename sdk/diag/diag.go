// Package diag is what a plugin says about its configuration: findings as data, each with the path of the attribute it is about.
// The host turns a path into file:line:column and shows every finding at once.
package diag

import (
	"fmt"
	"strings"
)

// Severity of a finding.
type Severity uint8

// Severities.
const (
	Error Severity = 1 + iota
	Warning
)

// Path leads to an attribute: Path{"tls", "ca_file"}. An element of a list is its index in decimal.
type Path []string

func (p Path) String() string { return strings.Join(p, ".") }

// Diagnostic is one finding.
type Diagnostic struct {
	Severity Severity
	Summary  string // one line, no full stop: `unknown key "endpont"`
	Detail   string // what to do about it; may be empty
	Path     Path   // empty: the plugin's whole block
}

func (d Diagnostic) String() string {
	s := d.Summary
	if len(d.Path) > 0 {
		s = d.Path.String() + ": " + s
	}
	if d.Detail != "" {
		s += ": " + d.Detail
	}
	return s
}

// List is a list of findings.
type List []Diagnostic

// Errorf adds an error about the attribute at path.
func (l *List) Errorf(path Path, format string, args ...any) {
	*l = append(*l, Diagnostic{Severity: Error, Summary: fmt.Sprintf(format, args...), Path: path})
}

// Warnf adds a warning about the attribute at path.
func (l *List) Warnf(path Path, format string, args ...any) {
	*l = append(*l, Diagnostic{Severity: Warning, Summary: fmt.Sprintf(format, args...), Path: path})
}

// HasErrors reports whether any finding is an error.
func (l List) HasErrors() bool {
	for _, d := range l {
		if d.Severity == Error {
			return true
		}
	}
	return false
}

// Err is the findings that are errors as one error, or nil.
func (l List) Err() error {
	var texts []string
	for _, d := range l {
		if d.Severity == Error {
			texts = append(texts, d.String())
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(texts, "; "))
}
