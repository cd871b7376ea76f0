package dit

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testVocabulary() *vocabulary {
	return newVocabulary(strings.Split("<null> cat cool face heart noto red sunglasses twemoji", " "),
		[]string{"noto red heart", "twemoji cool face sunglasses"})
}

func TestTokens(t *testing.T) {
	const cat, cool, face, heart, noto, red, sunglasses, twemoji = 1, 2, 3, 4, 5, 6, 7, 8
	for _, c := range []struct {
		name, prompt string
		want         []int
		warnings     []string
	}{
		{"empty", "", []int{0, 0, 0, 0, 0, 0}, nil},
		{"style and words", "noto red heart", []int{noto, red, heart, 0, 0, 0}, nil},
		{"no style", "red heart", []int{0, red, heart, 0, 0, 0}, nil},
		{"fillers, case and punctuation", "The  RED, (heart) of a CAT!", []int{0, red, heart, cat, 0, 0}, nil},
		{"style behind", "cool face, twemoji", []int{twemoji, cool, face, 0, 0, 0}, nil},
		{"hyphen", "red-heart", []int{0, red, heart, 0, 0, 0}, nil},
		{"apostrophe", "ca't", []int{0, cat, 0, 0, 0, 0}, nil},
		{"two styles", "noto twemoji cat", []int{noto, twemoji, cat, 0, 0, 0}, nil},
		{"unknown word", "noto red elephant", []int{noto, red, 0, 0, 0, 0}, []string{`the model does not know the word "elephant"`}},
		{"unknown twice", "blob Blob", []int{0, 0, 0, 0, 0, 0}, []string{`the model does not know the word "blob"`}},
		{"null is no word", "<null>", []int{0, 0, 0, 0, 0, 0}, []string{`the model does not know the word "null"`}},
		{"other script", "красное сердце", []int{0, 0, 0, 0, 0, 0},
			[]string{`the model does not know the word "красное"`, `the model does not know the word "сердце"`}},
		{"exactly full", "cool face red heart sunglasses", []int{0, cool, face, red, heart, sunglasses}, nil},
		{"too many", "cat cat cat cat cat cat cat", []int{0, cat, cat, cat, cat, cat},
			[]string{"the prompt has 7 words, the model reads the first 5"}},
		{"long word", strings.Repeat("x", 500), []int{0, 0, 0, 0, 0, 0},
			[]string{`the model does not know the word "` + strings.Repeat("x", maxWord) + `…"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := []int{9, 9, 9, 9, 9, 9}
			warnings := testVocabulary().tokens(got, "prompt", c.prompt)
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("tokens (-want +got):\n%s", d)
			}
			if d := cmp.Diff(c.warnings, warnings); d != "" {
				t.Errorf("warnings (-want +got):\n%s", d)
			}
		})
	}
}

func TestTokensOfHugePrompt(t *testing.T) {
	var b strings.Builder
	for i := range 200_000 {
		b.WriteString("w")
		b.WriteString(strings.Repeat("y", i%7))
		b.WriteString(string(rune('a' + i%26)))
		b.WriteByte(' ')
	}
	tokens, begin := make([]int, 6), time.Now()
	warnings := testVocabulary().tokens(tokens, "prompt", b.String())
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("a prompt of %d bytes took %v", b.Len(), d)
	}
	size := 0
	for _, w := range warnings {
		size += len(w)
	}
	if len(warnings) > maxUnknown+2 || size > 4096 {
		t.Errorf("%d warnings of %d bytes, want few", len(warnings), size)
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("noto red heart")
	f.Add("\xff\xfe ' ’’ \x00 İ ẞ")
	v := testVocabulary()
	f.Fuzz(func(t *testing.T, prompt string) {
		tokens := make([]int, 6)
		v.tokens(tokens, "prompt", prompt)
		for _, token := range tokens {
			if token < 0 || token >= len(v.words) {
				t.Fatalf("token %d of %q", token, prompt)
			}
		}
	})
}
