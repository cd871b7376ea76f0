package config

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/strobe-dev/strobe/sdk/diag"
)

// reader reads one file and gathers what it finds.
type reader struct {
	src   *source
	dir   string
	found Diagnostics
}

func (r *reader) add(s diag.Severity, at hcl.Range, summary, detail string) {
	r.found = append(r.found, Diagnostic{Severity: s, Summary: summary, Detail: detail, Subject: at, src: r.src})
}

func (r *reader) errorf(at hcl.Range, detail, format string, args ...any) {
	r.add(diag.Error, at, fmt.Sprintf(format, args...), detail)
}

// parse answers the syntax tree, or nil when there is none that is worth reading further.
func (r *reader) parse() *hclsyntax.Body {
	if !r.guard() {
		return nil
	}
	file, diags := hclsyntax.ParseConfig(r.src.text, r.src.name, hcl.InitialPos)
	whole := true
	for _, d := range diags {
		r.syntaxError(d)
		// A key given twice leaves a tree that is complete but for that key.
		whole = whole && d.Summary == "Attribute redefined"
	}
	if file == nil || !whole {
		return nil
	}
	body, _ := file.Body.(*hclsyntax.Body)
	return body
}

func (r *reader) syntaxError(d *hcl.Diagnostic) {
	at := hcl.Range{Filename: r.src.name}
	if d.Subject != nil {
		at = *d.Subject
	}
	severity := diag.Error
	if d.Severity == hcl.DiagWarning {
		severity = diag.Warning
	}
	summary := strings.TrimSuffix(d.Summary, ".")
	if first, size := utf8.DecodeRuneInString(summary); first < utf8.RuneSelf && size > 0 {
		summary = strings.ToLower(summary[:size]) + summary[size:]
	}
	r.add(severity, at, summary, d.Detail)
}

// guard refuses text whose parsing would cost too much: HCL's parser recurses once a bracket, without a bound.
func (r *reader) guard() bool {
	if len(r.src.text) > maxFileBytes {
		r.errorf(hcl.Range{Filename: r.src.name}, "a configuration is a page or two; was another file meant?",
			"the file has %d bytes, more than %s", len(r.src.text), FormatSize(maxFileBytes))
		return false
	}
	// What the scanner finds wrong here the parser reports again, better.
	tokens, _ := hclsyntax.LexConfig(r.src.text, r.src.name, hcl.InitialPos)
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen,
			hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen,
			hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			depth--
		}
		if depth > maxNesting {
			r.errorf(t.Range, "", "brackets are nested more than %d deep", maxNesting)
			return false
		}
	}
	return true
}
