package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/strobe-dev/strobe/internal/words"
	"github.com/strobe-dev/strobe/sdk/diag"
)

// bad is a finding about the value of key.
func (b *block) bad(key, detail, format string, args ...any) {
	b.wrong[key] = true
	b.errorf(b.exprs[key], detail, format, args...)
}

// value is what key holds; ok is false when it is absent, null or already found wrong.
func (b *block) value(key string) (v any, ok bool) {
	v = b.values[key]
	return v, v != nil && !b.wrong[key]
}

// absent reports whether key is not there, or null.
func (b *block) absent(key string) bool {
	return b.values[key] == nil && !b.wrong[key]
}

// text is what key holds when that is text; anything else is a finding.
func (b *block) text(key, example string) (s string, ok bool) {
	v, ok := b.value(key)
	if !ok {
		return "", false
	}
	s, ok = v.(string)
	if !ok {
		b.bad(key, fmt.Sprintf("write %s = %q", key, example), "%s must be text, not %s", key, words.Kind(v))
	}
	return s, ok
}

func (b *block) str(key, absent string) string {
	if s, ok := b.text(key, cmp.Or(absent, "…")); ok {
		return s
	}
	return absent
}

func (b *block) whole(key string, absent, low, high int) int {
	v, ok := b.value(key)
	if !ok {
		return absent
	}
	n, ok := v.(int64)
	if !ok {
		b.bad(key, fmt.Sprintf("write %s = %d, without quotes", key, absent), "%s must be a whole number, not %s", key, words.Kind(v))
		return absent
	}
	if n < int64(low) || n > int64(high) {
		b.bad(key, "", "%s must be %d to %d, not %d", key, low, high, n)
		return absent
	}
	return int(n)
}

// flag is what key holds when that is true or false.
func (b *block) flag(key string, absent bool) bool {
	v, ok := b.value(key)
	if !ok {
		return absent
	}
	on, ok := v.(bool)
	if !ok {
		b.bad(key, fmt.Sprintf("write %s = true, without quotes", key), "%s must be true or false, not %s", key, words.Kind(v))
		return absent
	}
	return on
}

func (b *block) duration(key string, absent, low, high time.Duration) time.Duration {
	text, ok := b.text(key, FormatDuration(absent))
	if !ok {
		return absent
	}
	d, err := ParseDuration(text)
	if err != nil {
		b.bad(key, "", "%s: %v", key, err)
		return absent
	}
	if d < low || d > high {
		b.bad(key, "", "%s must be %s to %s, not %s", key, FormatDuration(low), FormatDuration(high), FormatDuration(d))
		return absent
	}
	return d
}

func (b *block) size(key string, absent, low, high int64, why string) int64 {
	text, ok := b.text(key, FormatSize(absent))
	if !ok {
		return absent
	}
	n, err := ParseSize(text)
	if err != nil {
		b.bad(key, "", "%s: %v", key, err)
		return absent
	}
	if n < low || n > high {
		b.bad(key, why, "%s must be %s to %s, not %s", key, FormatSize(low), FormatSize(high), FormatSize(n))
		return absent
	}
	return n
}

// list of texts; ok is false when the key is absent, null or wrong.
func (b *block) list(key, example string) (texts []string, ok bool) {
	v, ok := b.value(key)
	if !ok {
		return nil, false
	}
	items, ok := v.([]any)
	if !ok {
		b.bad(key, "write "+key+" = "+example, "%s must be a list, not %s", key, words.Kind(v))
		return nil, false
	}
	texts = make([]string, 0, len(items))
	for i, item := range items {
		s, isText := item.(string)
		if !isText {
			b.wrong[key] = true
			b.errorf(b.itemRange(key, i), "", "%s must be a list of texts, found %s", key, words.Kind(item))
			continue
		}
		texts = append(texts, s)
	}
	return texts, !b.wrong[key]
}

func (b *block) itemRange(key string, i int) hcl.Range {
	return b.Range(diag.Path{key, fmt.Sprint(i)})
}

// oneOf reads a text that must be one of some.
func (b *block) oneOf(key, absent string, allowed []string) string {
	v := b.str(key, absent)
	if !slices.Contains(allowed, v) {
		b.bad(key, "", "%s must be one of %s, not %q", key, strings.Join(allowed, ", "), v)
		return absent
	}
	return v
}

// number reads a number, whole or not. example is one as a file has it.
func (b *block) number(key string, absent float64, example string) float64 {
	v, ok := b.value(key)
	if !ok {
		return absent
	}
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	b.bad(key, "write "+key+" = "+example+", without quotes", "%s must be a number, not %s", key, words.Kind(v))
	return absent
}
