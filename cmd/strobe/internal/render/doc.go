// Package render shows what the server says of profiles to a person: plain text, at most 80 columns wide.
package render

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

// Width is how many columns a line may have. Names that are longer than their column are not cut.
const Width = 80

// Bytes is a size for people: "1.2 MiB".
func Bytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), 0
	for v >= 1023.95 && unit < len("KMGTPE") {
		v /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", v, "KMGTPE"[unit-1])
}

// Seconds is a length of time for people: "1.3 s", "2m13s".
func Seconds(s float64) string {
	if s < 60 {
		return fmt.Sprintf("%.1f s", s)
	}
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

// Count is a number with what it counts: "1 event", "2 events".
func Count[N int | int64 | uint64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// line is text on one line: the server's text, safe for a terminal.
func line(s string) string {
	return strings.Join(strings.Fields(client.Printable(s)), " ")
}

// cut shortens text to at most n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// Wrap breaks text into lines of at most Width columns. The first begins with first, the others with spaces as wide.
func Wrap(first, text string) string {
	indent := strings.Repeat(" ", utf8.RuneCountInString(first))
	var b strings.Builder
	b.WriteString(first)
	column := len(indent)
	for i, word := range strings.Fields(client.Printable(text)) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > Width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteByte('\n')
	return b.String()
}
