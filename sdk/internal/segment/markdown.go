package segment

import (
	"fmt"
	"strings"
)

// Markdown is the part of FORMAT.md that states the structures.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| kind | record | fixed bytes | followed by |\n| --- | --- | --- | --- |\n")
	for _, s := range Table {
		if s.Kind != 0 {
			fmt.Fprintf(&b, "| %d | %s | %d | %s |\n", s.Kind, s.Name, s.Bytes, s.Tail)
		}
	}
	for _, s := range Table {
		title := s.Name
		if s.Kind != 0 {
			title = fmt.Sprintf("%s (kind %d)", s.Name, s.Kind)
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s %d bytes%s.\n\n", title, s.Doc, s.Bytes, followed(s.Tail))
		b.WriteString("| offset | size | field | type | meaning |\n| --- | --- | --- | --- | --- |\n")
		if s.Kind != 0 {
			b.WriteString("| 0 | 8 | head | | see Head |\n")
		}
		for _, f := range s.Fields {
			fmt.Fprintf(&b, "| %d | %d | %s | %s | %s |\n", f.Offset, f.Size, f.Name, f.Type, f.Doc)
		}
	}
	return b.String()
}

func followed(tail string) string {
	if tail == "" {
		return ""
	}
	return ", then " + tail
}
