package schema

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/strobe-dev/strobe/internal/words"
	"github.com/strobe-dev/strobe/sdk/diag"
)

// convert turns what the user wrote into what is stored: string, bool, int64, float64, time.Duration, []string or
// map[string]string. The finding has an empty summary when all is well; its path is relative to the key.
func (f *field) convert(v any) (any, diag.Diagnostic) {
	switch f.Type {
	case String:
		if s, ok := v.(string); ok {
			return s, f.inEnum(s)
		}
	case Bool:
		if b, ok := v.(bool); ok {
			return b, diag.Diagnostic{}
		}
	case Int:
		if i, ok := v.(int64); ok {
			return i, f.inRange(float64(i), strconv.FormatInt(i, 10))
		}
	case Float:
		switch n := v.(type) {
		case int64:
			return float64(n), f.inRange(float64(n), strconv.FormatInt(n, 10))
		case float64:
			return n, f.inRange(n, number(n))
		}
	case Duration:
		if s, ok := v.(string); ok {
			return f.duration(s)
		}
		return nil, finding("", `must be text with a unit, such as "10s" or "1m30s", not %s`, words.Kind(v))
	case List:
		if l, ok := v.([]any); ok {
			return f.list(l)
		}
	case Map:
		if m, ok := v.(map[string]any); ok {
			return texts(m)
		}
	}
	return nil, finding("", "must be %s, not %s", f.Type, words.Kind(v))
}

func (f *field) duration(s string) (any, diag.Diagnostic) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return nil, finding(`write a number and a unit: "500ms", "10s", "1m30s"`, "%q is no duration", s)
	}
	return d, f.inRange(d.Seconds(), s)
}

func (f *field) list(l []any) (any, diag.Diagnostic) {
	out := make([]string, 0, len(l))
	for i, e := range l {
		s, ok := e.(string)
		bad := f.inEnum(s)
		if !ok {
			bad = finding("", "must be text, not %s", words.Kind(e))
		}
		if bad.Summary != "" {
			bad.Path = index(i)
			return nil, bad
		}
		out = append(out, s)
	}
	return out, diag.Diagnostic{}
}

func texts(m map[string]any) (any, diag.Diagnostic) {
	out := make(map[string]string, len(m))
	for _, k := range keys(m) {
		s, ok := m[k].(string)
		if !ok {
			bad := finding("", "must be text, not %s", words.Kind(m[k]))
			bad.Path = diag.Path{k}
			return nil, bad
		}
		out[k] = s
	}
	return out, diag.Diagnostic{}
}

func (f *field) inEnum(s string) diag.Diagnostic {
	if len(f.Enum) == 0 || slices.Contains(f.Enum, s) {
		return diag.Diagnostic{}
	}
	return finding(words.Hint(s, "allowed", f.Enum), "%q is not allowed", s)
}

func (f *field) inRange(v float64, text string) diag.Diagnostic {
	low, high := f.Min != nil && v < *f.Min, f.Max != nil && v > *f.Max
	if f.Min == nil && f.Max == nil || !low && !high && !math.IsNaN(v) {
		return diag.Diagnostic{}
	}
	bound := func(v float64) string {
		if f.Type == Duration {
			return time.Duration(v * float64(time.Second)).String()
		}
		return number(v)
	}
	switch {
	case f.Min == nil:
		return finding("", "%s is too large: at most %s", text, bound(*f.Max))
	case f.Max == nil:
		return finding("", "%s is too small: at least %s", text, bound(*f.Min))
	}
	return finding("", "%s is out of range: %s to %s", text, bound(*f.Min), bound(*f.Max))
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func finding(detail, format string, args ...any) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf(format, args...), Detail: detail}
}
