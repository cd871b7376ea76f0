package httpapi

import (
	"fmt"

	"github.com/agnivade/levenshtein"
)

// didYouMean is ` (did you mean "stages"?)` for a near miss of a known word, else empty.
func didYouMean(word string, known []string) string {
	best, at := "", len(word)/3+2
	for _, k := range known {
		if d := levenshtein.ComputeDistance(word, k); d < at {
			best, at = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// clip shortens text that a caller sent before it is shown back.
func clip(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	return text[:bytes] + "…"
}
