package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// apiSchema is as much of a JSON schema as requests are made from.
type apiSchema struct {
	Ref        string `json:"$ref"`
	Type       any
	Enum       []any
	Properties map[string]apiSchema
	Required   []string
	Items      *apiSchema
	OneOf      []apiSchema
	AnyOf      []apiSchema
	Minimum    *float64
	Maximum    *float64
}

// apiOperation is one method of one path.
type apiOperation struct {
	method, path string
	Parameters   []struct {
		Name, In string
		Schema   apiSchema
	}
	RequestBody struct {
		Content map[string]struct{ Schema apiSchema }
	}
}

// fuzzer makes requests out of an OpenAPI document: what it says, at its bounds, beyond them, and what no client would send.
type fuzzer struct {
	random     *rand.Rand
	schemas    map[string]apiSchema
	operations []apiOperation
	ids, names []string // of profiles and artifacts that are there
}

func newFuzzer(t *testing.T, document []byte, seed uint64) *fuzzer {
	t.Helper()
	var d struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]apiSchema }
	}
	if err := json.Unmarshal(document, &d); err != nil {
		t.Fatal(err)
	}
	f := &fuzzer{random: rand.New(rand.NewPCG(seed, 1)), schemas: d.Components.Schemas}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
			op := apiOperation{method: strings.ToUpper(method), path: path}
			if err := json.Unmarshal(d.Paths[path][method], &op); err != nil {
				t.Fatal(err)
			}
			f.operations = append(f.operations, op)
		}
	}
	return f
}

func (f *fuzzer) chance(n int) bool { return f.random.IntN(n) == 0 }

func pick[T any](f *fuzzer, from []T) T { return from[f.random.IntN(len(from))] }

// odd are values that mean something to somebody: to a parser, a path, a shell, a page, a float.
var odd = []any{nil, true, "", " ", "0", "-1", "1e999", "NaN", "null", "true", 0, -1, 1, 2.5, 1e308, -1e308, 1 << 53, uint64(1<<64 - 1), -9223372036854775808,
	"../../etc/passwd", "..%2f..", "\x00", "\u202e\u0000", "💥", "<script>alert(1)</script>", "'; DROP TABLE x; --", "${jndi:ldap://x}", "%s%n%d", "\r\nX: y",
	[]any{}, []any{nil}, []any{-1, 0, 99}, []any{"0", "a"}, map[string]any{}, map[string]any{"a": map[string]any{"b": []any{1}}}, "data:image/png;base64,AAAA"}

func (f *fuzzer) oddValue() any {
	switch f.random.IntN(12) {
	case 0:
		return strings.Repeat(pick(f, []string{"a", "é", "\x00", "[", "{\"a\":"}), 1+f.random.IntN(1<<16))
	case 1:
		return strings.Repeat("9", 1+f.random.IntN(400))
	}
	return pick(f, odd)
}

// value is mostly what a schema says, and an odd one else.
func (f *fuzzer) value(s apiSchema, depth int) any {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		s = f.schemas[name]
	}
	if depth > 6 || f.chance(8) {
		return f.oddValue()
	}
	if all := slices.Concat(s.OneOf, s.AnyOf); len(all) > 0 {
		return f.value(pick(f, all), depth+1)
	}
	if len(s.Enum) > 0 {
		return pick(f, s.Enum)
	}
	kind, _ := s.Type.(string)
	if kinds, ok := s.Type.([]any); ok && len(kinds) > 0 {
		kind, _ = pick(f, kinds).(string)
	}
	switch kind {
	case "object":
		return f.object(s, depth)
	case "array":
		list := []any{}
		for range f.random.IntN(4) {
			if s.Items != nil {
				list = append(list, f.value(*s.Items, depth+1))
			}
		}
		return list
	case "integer", "number":
		return f.number(s, kind)
	case "boolean":
		return f.chance(2)
	case "null":
		return nil
	case "string":
		return pick(f, []string{"noto red heart", "x", "chrome", "instant", "256x256", "auto", "operator", "2026-01-01T00:00:00Z"})
	}
	return f.oddValue()
}

func (f *fuzzer) object(s apiSchema, depth int) any {
	m := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if f.chance(3) || slices.Contains(s.Required, name) && !f.chance(20) {
			m[name] = f.value(s.Properties[name], depth+1)
		}
	}
	if f.chance(10) {
		m[fmt.Sprint(f.oddValue())] = f.oddValue()
	}
	return m
}

// number is one within the bounds, at them or just beyond, and small where there are none.
func (f *fuzzer) number(s apiSchema, kind string) any {
	low, high := 0.0, 8.0
	if s.Minimum != nil {
		low = *s.Minimum
	}
	if s.Maximum != nil {
		high = *s.Maximum
	}
	if kind == "integer" {
		return pick(f, []int64{int64(low), int64(high), int64(low) - 1, int64(high) + 1, int64(low) + 1})
	}
	return pick(f, []float64{low, high, low - 1, high + 1, (low + high) / 2, low + 0.01})
}

// target is a path with values in its places, and a query.
func (f *fuzzer) target(op apiOperation) string {
	path, query := op.path, url.Values{}
	for _, p := range op.Parameters {
		switch p.In {
		case "path":
			path = strings.Replace(path, "{"+p.Name+"}", f.place(p.Name), 1)
		case "query":
			if f.chance(3) {
				query.Set(p.Name, text(f.value(p.Schema, 1)))
			}
		}
	}
	if f.chance(10) {
		query.Set(text(f.oddValue()), text(f.oddValue()))
	}
	raw := query.Encode()
	if f.chance(20) {
		raw = pick(f, []string{"%", "%zz", "a=%00", "&&&", "=", "a;b", "%ff=%fe", strings.Repeat("a=b&", 2000)})
	}
	if len(raw) > 20000 {
		raw = raw[:20000]
	}
	if raw != "" {
		path += "?" + raw
	}
	return path
}

// place is what stands for a name in a path: something that is there, mostly.
func (f *fuzzer) place(name string) string {
	switch {
	case f.chance(4):
		long := text(f.oddValue())
		return url.PathEscape(long[:min(len(long), 4000)])
	case name == "name" && len(f.names) > 0:
		return pick(f, f.names)
	case len(f.ids) > 0:
		return pick(f, f.ids)
	}
	return "20260101-000000-000000"
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, _ := json.Marshal(v) // of what can be marshalled
	return string(b)
}

// body is one of the types that an operation reads, or one that it does not.
func (f *fuzzer) body(op apiOperation) (contentType string, body []byte) {
	types := slices.Sorted(maps.Keys(op.RequestBody.Content))
	if len(types) == 0 || f.chance(12) {
		if f.chance(2) {
			return "", nil
		}
		return pick(f, []string{"", "text/plain", "application/json", "application/json; charset=\xff", "multipart/form-data", "multipart/form-data; boundary=",
			"application/x-www-form-urlencoded", strings.Repeat("a", 5000)}), []byte(text(f.oddValue()))
	}
	contentType = pick(f, types)
	v, ok := f.value(op.RequestBody.Content[contentType].Schema, 0).(map[string]any)
	if !ok {
		v = map[string]any{"num_steps": f.oddValue(), "label": f.oddValue(), "stages": f.oddValue(), "output_dir": f.oddValue()}
	}
	switch contentType {
	case "multipart/form-data":
		return f.multipart(v)
	case "application/x-www-form-urlencoded":
		form := url.Values{}
		for k, x := range v {
			form.Set(k, text(x))
		}
		return contentType, []byte(form.Encode())
	}
	body, _ = json.Marshal(v)
	if f.chance(10) && len(body) > 0 { // cut, doubled, or with a byte changed
		switch at := f.random.IntN(len(body)); f.random.IntN(3) {
		case 0:
			body = body[:at]
		case 1:
			body = append(body, body...)
		default:
			body[at] = byte(f.random.IntN(256))
		}
	}
	return "application/json", body
}

func (f *fuzzer) multipart(v map[string]any) (string, []byte) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, k := range slices.Sorted(maps.Keys(v)) {
		if k == "image" || f.chance(10) {
			part, err := w.CreateFormFile(k, pick(f, []string{"a.png", "../../x", "\x00", ""}))
			if err == nil {
				_, _ = part.Write([]byte(text(f.oddValue())))
			}
			continue
		}
		_ = w.WriteField(k, text(v[k]))
	}
	if !f.chance(10) {
		_ = w.Close()
	}
	return w.FormDataContentType(), b.Bytes()
}
