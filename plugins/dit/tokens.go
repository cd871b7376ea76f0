package dit

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// maxUnknown is how many unknown words are named to the caller; the rest is counted.
const maxUnknown = 8

// maxWord is how many runes of an unknown word are repeated.
const maxWord = 32

// fillers are words that captions do not have and prompts do.
var fillers = []string{"a", "an", "the", "of"}

// vocabulary turns prompts into tokens.
type vocabulary struct {
	words  []string
	index  map[string]int
	styles map[string]bool // words that come first in a caption: noto, twemoji
}

// newVocabulary makes a vocabulary of words, of which the first stands for nothing. The first words of captions are its styles.
func newVocabulary(words, captions []string) *vocabulary {
	v := &vocabulary{words: words, index: map[string]int{}, styles: map[string]bool{}}
	for i, w := range words[1:] {
		v.index[w] = i + 1
	}
	for _, c := range captions {
		first, _, _ := strings.Cut(c, " ")
		if _, ok := v.index[first]; ok {
			v.styles[first] = true
		}
	}
	return v
}

// tokens fills dst with the words of a prompt and returns what the caller should know. A style, wherever it stands, comes first;
// without one the first place is 0, as are unknown words. A prompt of any length is read in one pass and little memory.
func (v *vocabulary) tokens(dst []int, field, prompt string) (warnings []string) {
	clear(dst)
	at, count, more := 1, 0, 0
	if len(v.styles) == 0 {
		at = 0
	}
	var unknown []string
	for word := range strings.FieldsFuncSeq(prompt, notInWord) {
		word, known := v.find(word)
		index := v.index[word]
		switch {
		case word == "" || slices.Contains(fillers, word):
			continue
		case v.styles[word] && dst[0] == 0:
			dst[0] = index
			continue
		case !known && !slices.Contains(unknown, word):
			if len(unknown) < maxUnknown {
				unknown = append(unknown, word)
			} else {
				more++
			}
		}
		count++
		if at < len(dst) {
			dst[at] = index
			at++
		}
	}
	for _, w := range unknown {
		warnings = append(warnings, fmt.Sprintf("the model does not know the word %q", w))
	}
	if more > 0 {
		warnings = append(warnings, fmt.Sprintf("the model does not know %d more words of the %s", more, field))
	}
	room := len(dst)
	if len(v.styles) > 0 {
		room--
	}
	if count > room {
		warnings = append(warnings, fmt.Sprintf("the %s has %d words, the model reads the first %d", field, count, room))
	}
	return warnings
}

// notInWord reports what separates words. Apostrophes are dropped within a word.
func notInWord(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '’'
}

// find lower-cases a word and drops its apostrophes. A word that is not in the vocabulary is cut short.
func (v *vocabulary) find(word string) (string, bool) {
	if len(word) > 4*maxWord { // no vocabulary has words as long as this
		word = word[:4*maxWord]
	}
	word = strings.ToLower(strings.Map(func(r rune) rune {
		if r == '\'' || r == '’' {
			return -1
		}
		return r
	}, word))
	if _, ok := v.index[word]; ok {
		return word, true
	}
	if runes := []rune(word); len(runes) > maxWord {
		word = string(runes[:maxWord]) + "…"
	}
	return word, false
}
