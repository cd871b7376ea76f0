package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/strobe-dev/strobe/sdk/diag"
)

// Origin is where a block stands in its file and where each of its values does. The zero Origin, of a Config that was
// made in code, knows no file: its ranges are empty and its findings carry their path in words.
type Origin struct {
	src    *source
	block  hcl.Range
	name   string // the block in words: `profiler "otlp"`
	ranges map[string]hcl.Range
	// unsound: a finding says already that the block names no plugin.
	unsound bool
}

// source is a file's name and text, kept so that a later finding can show its line.
type source struct {
	name string
	text []byte
}

// Range is where the value at path stands. A path that the file does not hold is answered with the nearest enclosing
// value or block, so that a missing key points at the block that lacks it.
func (o Origin) Range(path diag.Path) hcl.Range {
	for n := len(path); n > 0; n-- {
		if r, ok := o.ranges[pathKey(path[:n])]; ok {
			return r
		}
	}
	return o.block
}

// Has reports whether the file itself holds a value at path.
func (o Origin) Has(path diag.Path) bool {
	_, ok := o.ranges[pathKey(path)]
	return ok
}

// Locate places findings with paths relative to this block in the file.
func (o Origin) Locate(list diag.List) Diagnostics {
	out := make(Diagnostics, 0, len(list))
	for _, d := range list {
		out = append(out, o.finding(d.Severity, d.Path, d.Summary, d.Detail))
	}
	return out
}

// Errorf is a finding about the value at path.
func (o Origin) Errorf(path diag.Path, format string, args ...any) Diagnostic {
	return o.finding(diag.Error, path, fmt.Sprintf(format, args...), "")
}

func (o Origin) finding(s diag.Severity, path diag.Path, summary, detail string) Diagnostic {
	if s == 0 {
		s = diag.Error
	}
	d := Diagnostic{Severity: s, Summary: summary, Detail: detail, Block: o.name, Path: path, Subject: o.Range(path), src: o.src}
	d.Partial = len(path) > 0 && !o.Has(path)
	return d
}

// Position is file:line:column of the block, or the block's name when there is no file.
func (o Origin) Position() string {
	if o.src == nil {
		return o.name
	}
	return position(o.block)
}

// position of a finding; one about a whole file has no line.
func position(r hcl.Range) string {
	if r.Start.Line == 0 {
		return r.Filename
	}
	return fmt.Sprintf("%s:%d:%d", r.Filename, r.Start.Line, r.Start.Column)
}

// pathKey makes a path comparable; no HCL key can hold a NUL.
func pathKey(p diag.Path) string { return strings.Join(p, "\x00") }
