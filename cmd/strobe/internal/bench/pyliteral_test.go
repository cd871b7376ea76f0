package bench

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRequestLine(t *testing.T) {
	for name, tc := range map[string]struct {
		line string
		want map[string]any
	}{
		"upstream's": {
			`Request(request_id=0, timestamp=0.0, height=512, width=512, num_inference_steps=4, prompt="x", slo_ms=5000.0)`,
			map[string]any{
				"request_id": int64(0), "timestamp": 0.0, "height": int64(512), "width": int64(512),
				"num_inference_steps": int64(4), "prompt": "x", "slo_ms": 5000.0,
			},
		},
		"nothing":            {`Request()`, map[string]any{}},
		"spaces":             {"  Request( a = 1 ,\tb = 2 , )  ", map[string]any{"a": int64(1), "b": int64(2)}},
		"words":              {`Request(a=None, b=True, c=False)`, map[string]any{"a": nil, "b": true, "c": false}},
		"numbers":            {`Request(a=-1, b=+2, c=1_000, d=0x1F, e=1e-3, f=.5, g=1., h=0o17, i=0b11, j=-0.0)`, map[string]any{"a": int64(-1), "b": int64(2), "c": int64(1000), "d": int64(31), "e": 1e-3, "f": .5, "g": 1., "h": int64(15), "i": int64(3), "j": math.Copysign(0, -1)}},
		"beyond 64 bits":     {`Request(a=18446744073709551616)`, map[string]any{"a": 18446744073709551616.0}},
		"quotes":             {`Request(a='it''s', b="say \"hi\"", c='\'')`, map[string]any{"a": "its", "b": `say "hi"`, "c": "'"}},
		"escapes":            {`Request(a='\n\t\\\x41\u00e9\U0001F600\101\q')`, map[string]any{"a": "\n\t\\Aé😀A\\q"}},
		"raw":                {`Request(a=r'\n\'', b=u'x')`, map[string]any{"a": `\n\'`, "b": "x"}},
		"strings in a row":   {`Request(a='x' "y" r'\z')`, map[string]any{"a": `xy\z`}},
		"lists":              {`Request(a=['x', "y"], b=[], c=(1, 2), d=(1,), e=(1), f=())`, map[string]any{"a": []any{"x", "y"}, "b": []any{}, "c": []any{int64(1), int64(2)}, "d": []any{int64(1)}, "e": int64(1), "f": []any{}}},
		"a dict":             {`Request(a={'x': [1, {'y': None}],})`, map[string]any{"a": map[string]any{"x": []any{int64(1), map[string]any{"y": nil}}}}},
		"a parenthesis":      {`Request(a=")", b='(')`, map[string]any{"a": ")", "b": "("}},
		"characters we have": {`Request(prompt="ein schöner Bär 🐻")`, map[string]any{"prompt": "ein schöner Bär 🐻"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok, err := parseRequestLine(tc.line)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestOtherLinesArePassedOver(t *testing.T) {
	for _, line := range []string{"", "  ", "# a comment", "request(a=1)", `{"prompt": "x"}`, "Requests(a=1)"} {
		if _, ok, err := parseRequestLine(line); ok || err != nil {
			t.Errorf("%q: %v, %v", line, ok, err)
		}
	}
}

func TestBadLines(t *testing.T) {
	for line, column := range map[string]int{
		"Request(":                  9,
		"Request(1)":                10,
		"Request(a)":                10,
		"Request(a=)":               11,
		"Request(a=1":               12,
		"Request(a=1 b=2)":          13,
		"Request(a=1) x":            14,
		"Request(a=1, a=2)":         16,
		"Request(a=x)":              11,
		"Request(a=010)":            11,
		"Request(a=1.2.3)":          11,
		"Request(a=--1)":            11,
		"Request(a=1j)":             12,
		"Request(a='x)":             14,
		`Request(a='\`:              12,
		`Request(a='\x4')`:          12,
		`Request(a='\U00110000')`:   12,
		`Request(a='\N{BULLET}')`:   12,
		"Request(a=[1)":             13,
		"Request(a=(1]":             13,
		"Request(a={1: 2})":         13,
		"Request(a={'x' 2})":        16,
		"Request(a={'x': 2]":        18,
		"Request(a=open('/etc/x'))": 11,
		"Request(**{'a': 1})":       9,
		"Request(a=" + strings.Repeat("[", 100) + strings.Repeat("]", 100) + ")": 32,
	} {
		_, ok, err := parseRequestLine(line)
		var at *syntaxError
		if !ok || !errors.As(err, &at) || at.column != column {
			t.Errorf("%.40s: %v, want column %d", line, err, column)
		}
	}
}

// FuzzParseRequestLine holds that no line makes the parser fail otherwise than with an error, and that what was read,
// written as Python writes it, is read again as the same.
func FuzzParseRequestLine(f *testing.F) {
	f.Add(`Request(request_id=0, timestamp=0.0, height=512, prompt="x", slo_ms=5000.0)`)
	f.Add(`Request(a=[1, (2,), {'x': None}], b=r'\n' "\u00e9", c=-1e9, d=0x1F)`)
	f.Add(`Request(a=((1)), b='\q\101',)`)
	f.Fuzz(func(t *testing.T, line string) {
		row, ok, err := parseRequestLine(line)
		if !ok || err != nil {
			return
		}
		var fields []string
		for _, name := range slices.Sorted(maps.Keys(row)) {
			fields = append(fields, name+"="+literal(row[name]))
		}
		again := "Request(" + strings.Join(fields, ", ") + ")"
		back, ok, err := parseRequestLine(again)
		if err != nil || !ok {
			t.Fatalf("%q was read, %q is not: %v", line, again, err)
		}
		if d := cmp.Diff(row, back); d != "" {
			t.Errorf("%q as %q: %s", line, again, d)
		}
	})
}

// literal writes a value as Python would.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'e', -1, 64)
	case string:
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'"
	case []any:
		texts := []string{}
		for _, one := range v {
			texts = append(texts, literal(one))
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case map[string]any:
		texts := []string{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			texts = append(texts, literal(name)+": "+literal(v[name]))
		}
		return "{" + strings.Join(texts, ", ") + "}"
	}
	panic(fmt.Sprintf("%T", v))
}
