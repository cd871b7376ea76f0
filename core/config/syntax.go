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
		if strings.HasPrefix(d.Summary, "Invalid multi-line string") || strings.HasPrefix(d.Summary, "Unterminated") {
			return nil // a quote is missing: from here on text and quotes are read the wrong way round
		}
		// A key given twice leaves a tree that is complete but for that key.
		whole = whole && (d.Severity == hcl.DiagWarning || d.Summary == "Attribute redefined")
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

// guard refuses text whose parsing would cost too much. HCL's parser recurses, without a bound, at each bracket, each
// sign and each question mark: 250 kB of minus signs overflow the stack, and no recover helps against that.
func (r *reader) guard() bool {
	if len(r.src.text) > maxFileBytes {
		r.errorf(hcl.Range{Filename: r.src.name}, "a configuration is a page or two; was another file meant?",
			"the file is larger than %s", FormatSize(maxFileBytes))
		return false
	}
	// What the scanner finds wrong here the parser reports again, better.
	tokens, _ := hclsyntax.LexConfig(r.src.text, r.src.name, hcl.InitialPos)
	depth, signs, questions := 0, 0, 0
	for _, t := range tokens {
		depth += nesting(t.Type)
		switch t.Type {
		case hclsyntax.TokenMinus, hclsyntax.TokenBang:
			signs++
		case hclsyntax.TokenQuestion:
			questions++
		case hclsyntax.TokenNewline, hclsyntax.TokenComment:
		default:
			signs = 0
		}
		if depth > maxNesting || signs > maxNesting || questions > maxNesting {
			r.errorf(t.Range, "", "brackets or operators are nested more than %d deep", maxNesting)
			return false
		}
	}
	return true
}

// nesting is by how much a token changes the depth.
func nesting(t hclsyntax.TokenType) int {
	switch t {
	case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote,
		hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		return 1
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
		hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
		return -1
	}
	return 0
}
