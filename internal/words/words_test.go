package words_test

import (
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/internal/words"
)

func TestClosest(t *testing.T) {
	options := []string{"endpoint", "level", "steps", "step", "io"}
	for _, test := range []struct{ name, written, want string }{
		{"a letter is missing", "endpont", "endpoint"},
		{"capitals", "Level", "level"},
		{"the closer one", "steppes", "steps"},
		{"the first of two", "stepz", "steps"},
		{"too far", "replicas", ""},
		{"nothing written", "", ""},
		{"one letter is no hint", "x", ""},
		{"both letters wrong", "xy", ""},
		{"one of two", "ia", "io"},
		{"an umlaut is one letter", "lével", "level"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := words.Closest(test.written, options); got != test.want {
				t.Errorf("%q: %q, want %q", test.written, got, test.want)
			}
		})
	}
}

// A caller chooses the name and may choose a long one.
func TestClosestOfAGiantNameIsQuick(t *testing.T) {
	began := time.Now()
	if got := words.Closest(strings.Repeat("endpoint", 1<<17), []string{"endpoint", "level"}); got != "" {
		t.Errorf("%q", got)
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("it took %s", d)
	}
}

func TestHint(t *testing.T) {
	for _, test := range []struct {
		name, written string
		options       []string
		want          string
	}{
		{"close", "endpont", []string{"endpoint", "level"}, "did you mean \"endpoint\"?\nknown keys: endpoint, level"},
		{"far", "x", []string{"endpoint", "level"}, "known keys: endpoint, level"},
		{"none", "x", nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := words.Hint(test.written, "known keys", test.options); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestKind(t *testing.T) {
	for want, v := range map[string]any{
		"null": nil, "text": "", "true or false": false, "a whole number": int64(1), "a number": 1.5,
		"a list": []any{}, "an object": map[string]any{}, "a int": 1,
	} {
		if got := words.Kind(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}
