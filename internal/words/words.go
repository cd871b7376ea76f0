// Package words finds words for what a user wrote: the name that was probably meant, and what a value is called. The
// readers of plugins.hcl, of plugins' configurations and of HTTP bodies say it alike.
package words

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// Closest is the option that was probably meant by name, or "". A third of the letters may be wrong, and one more, but
// not all; capitals do not count. Of options that are equally close it is the first.
func Closest(name string, options []string) string {
	letters := utf8.RuneCountInString(name)
	best, most := "", min(letters/3+1, letters-1)
	for _, o := range options {
		if letters-utf8.RuneCountInString(o) > most { // not compared: a name of a megabyte would take long
			continue
		}
		if d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(o)); d <= most {
			best, most = o, d-1
		}
	}
	return best
}

// Hint is the detail of a finding about a name that is none of options: what was probably meant, and what there is.
// there introduces the options: "known keys".
func Hint(name, there string, options []string) string {
	var lines []string
	if c := Closest(name, options); c != "" {
		lines = append(lines, fmt.Sprintf("did you mean %q?", c))
	}
	if len(options) > 0 {
		lines = append(lines, there+": "+strings.Join(options, ", "))
	}
	return strings.Join(lines, "\n")
}

// Kind is what a user calls the type of a value of a configuration: "a whole number".
func Kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "text"
	case bool:
		return "true or false"
	case int64:
		return "a whole number"
	case float64:
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", v)
}
