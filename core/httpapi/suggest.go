package httpapi

import (
	"fmt"

	"github.com/strobe-dev/strobe/internal/words"
)

// didYouMean is ` (did you mean "stages"?)` for a near miss of a known word, else empty.
func didYouMean(word string, known []string) string {
	if c := words.Closest(word, known); c != "" {
		return fmt.Sprintf(" (did you mean %q?)", c)
	}
	return ""
}

// clip shortens text that a caller sent before it is shown back.
func clip(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	return text[:bytes] + "…"
}
