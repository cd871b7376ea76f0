package config

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// How wide findings are, in characters.
const (
	maxLine   = 110 // of a source line
	maxDetail = 100 // of a detail; longer ones are wrapped
)

// Render writes every finding with its source line and a caret:
//
//	plugins.hcl:3:3: error: unknown key "lisen" in server
//	  3 |   lisen = ":8091"
//	    |   ^^^^^
//	  did you mean "listen"?
func (ds Diagnostics) Render(w io.Writer) error {
	var b strings.Builder
	for i, d := range ds {
		if i > 0 {
			b.WriteByte('\n')
		}
		d.render(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (d Diagnostic) render(b *strings.Builder) {
	place := ""
	if d.src != nil {
		place = position(d.Subject) + ": "
	}
	fmt.Fprintf(b, "%s%s: %s\n", place, severity(d.Severity), printable(d.Text()))
	d.snippet(b)
	if d.Detail != "" {
		for line := range strings.Lines(d.Detail) {
			wrap(b, printable(strings.TrimRight(line, "\r\n")))
		}
	}
}

func (d Diagnostic) snippet(b *strings.Builder) {
	if d.src == nil || d.Subject.Start.Line == 0 {
		return
	}
	line, start, ok := d.src.line(d.Subject)
	if !ok {
		return
	}
	width := len(line) - start
	if d.Subject.End.Line == d.Subject.Start.Line {
		width = d.Subject.End.Byte - d.Subject.Start.Byte
	}
	before, marked, after := line[:start], line[start:start+max(0, min(width, len(line)-start))], ""
	after = line[start+len(marked):]
	before, marked, after = fit(printable(before), printable(marked), printable(after))
	number := fmt.Sprintf("%3d", d.Subject.Start.Line)
	fmt.Fprintf(b, "%s | %s\n", number, strings.TrimRight(before+marked+after, " \t"))
	fmt.Fprintf(b, "%*s | %s%s\n", len(number), "", blank(before), strings.Repeat("^", max(1, utf8.RuneCountInString(marked))))
}

// line is the source line at a range's start, without its end, and the byte of the start within it.
func (s *source) line(at hcl.Range) (line string, start int, ok bool) {
	if at.Start.Byte < 0 || at.Start.Byte > len(s.text) {
		return "", 0, false
	}
	from := bytes.LastIndexByte(s.text[:at.Start.Byte], '\n') + 1
	text, _, _ := bytes.Cut(s.text[from:], []byte("\n"))
	line = string(text)
	line = strings.TrimRight(line, "\r")
	return line, min(at.Start.Byte-from, len(line)), true
}

// wrap writes a line of detail, indented, broken between words.
func wrap(b *strings.Builder, line string) {
	indent := "  " + line[:len(line)-len(strings.TrimLeft(line, " "))]
	width := 0
	for _, word := range strings.Fields(line) {
		n := utf8.RuneCountInString(word)
		switch {
		case width == 0:
			b.WriteString(indent)
			width = len(indent)
		case width+1+n > maxDetail:
			b.WriteString("\n" + indent)
			width = len(indent)
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += n
	}
	b.WriteByte('\n')
}

// fit cuts a long line around what is marked.
func fit(before, marked, after string) (string, string, string) {
	b, m, a := []rune(before), []rune(marked), []rune(after)
	if len(b)+len(m)+len(a) <= maxLine {
		return before, marked, after
	}
	if keep := maxLine / 3; len(b) > keep {
		b = append([]rune("…"), b[len(b)-keep:]...)
	}
	if keep := maxLine - len(b); len(m) > keep {
		return string(b), string(m[:keep]) + "…", ""
	}
	if keep := maxLine - len(b) - len(m); len(a) > keep {
		a = append(a[:keep:keep], '…')
	}
	return string(b), string(m), string(a)
}

// blank is as wide as s; tabs stay, so that carets line up however wide a tab is.
func blank(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, s)
}

// printable keeps a file from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
