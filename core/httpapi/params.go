package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// params are the named parameters of a request, in whatever wire form they came. The getters keep the first
// finding in err, as bufio.Scanner does: read everything, then look at err once.
type params struct {
	values map[string]param
	err    *apiError
}

// param is one value. In JSON it is any value, in a form a text.
type param struct {
	raw  json.RawMessage // JSON; nil in a form
	text string          // form
	path string          // what a finding calls it, when that is not its name: "extra_body.seed"
}

// absent tells that the caller gave nothing: null in JSON, the empty text in a form.
func (v param) absent() bool {
	if v.raw != nil {
		return string(v.raw) == "null"
	}
	return v.text == ""
}

// scalar is the text of a number, a truth value or a string; pydantic, which the clients were written against, takes "4" for 4.
func (v param) scalar() (string, bool) {
	if v.raw == nil {
		return strings.TrimSpace(v.text), true
	}
	switch v.raw[0] {
	case '"':
		var s string
		if json.Unmarshal(v.raw, &s) != nil {
			return "", false
		}
		return strings.TrimSpace(s), true
	case '{', '[':
		return "", false
	}
	return string(v.raw), true
}

// jsonParams reads a JSON object.
func jsonParams(body []byte) (*params, error) {
	object, err := jsonObject(body)
	if err != nil {
		return nil, err
	}
	p := &params{values: make(map[string]param, len(object))}
	p.overlay("", object)
	return p, nil
}

// overlay takes the members of an object that is already parsed; they win over what is there.
func (p *params) overlay(prefix string, object map[string]json.RawMessage) {
	for k, raw := range object {
		p.values[k] = param{raw: bytes.TrimSpace(raw), path: prefix + k}
	}
}

// formParams takes the first value of each field.
func formParams(form map[string][]string) *params {
	p := &params{values: make(map[string]param, len(form))}
	for k, texts := range form {
		if len(texts) > 0 {
			p.values[k] = param{text: texts[0]}
		}
	}
	return p
}

// jsonObject parses a body that must be one JSON object, and says where it is not.
func jsonObject(body []byte) (map[string]json.RawMessage, error) {
	trimmed := bytes.TrimSpace(body)
	switch {
	case len(trimmed) == 0:
		return nil, failf(codeInvalidJSON, "", "the body is empty: send a JSON object")
	case !utf8.Valid(body):
		return nil, failf(codeInvalidJSON, "", "the body is not UTF-8: JSON must be")
	}
	var object map[string]json.RawMessage
	err := json.Unmarshal(body, &object)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, failf(codeInvalidJSON, "", "the body is not JSON: %s at byte %d: send a JSON object", syntax, syntax.Offset)
	case err != nil || object == nil:
		return nil, failf(codeInvalidJSON, "", "the body must be a JSON object: {…}")
	}
	return object, nil
}

// fail keeps the first finding.
func (p *params) fail(code, name, format string, args ...any) {
	if p.err != nil {
		return
	}
	if path := p.values[name].path; path != "" {
		name = path
	}
	p.err = failf(code, name, format, args...)
}

// given tells whether the caller gave a value.
func (p *params) given(name string) bool {
	v, ok := p.values[name]
	return ok && !v.absent()
}

// first is the first of the names that was given, or the first name.
func (p *params) first(names ...string) string {
	for _, n := range names {
		if p.given(n) {
			return n
		}
	}
	return names[0]
}

// str is a text, or "" when it was not given.
func (p *params) str(name string) string {
	v, ok := p.values[name]
	switch {
	case !ok || v.absent():
		return ""
	case v.raw == nil:
		if !utf8.ValidString(v.text) {
			p.fail(codeInvalidValue, name, "%s is not UTF-8: send it so", name)
		}
		return v.text
	}
	var s string
	if json.Unmarshal(v.raw, &s) != nil {
		p.fail(codeInvalidValue, name, "%s must be a string", name)
	}
	return s
}

// integer is a whole number from lo to hi, or def when it was not given.
func (p *params) integer(name string, lo, hi, def int) int {
	if !p.given(name) {
		return def
	}
	f, ok := p.number(name)
	if !ok || f != math.Trunc(f) || f < float64(lo) || f > float64(hi) {
		p.fail(codeInvalidValue, name, "%s must be a whole number from %d to %d", name, lo, hi)
		return def
	}
	return int(f)
}

// decimal is a bound as people write it, without an exponent.
func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// float is a number from lo to hi, or nil when it was not given.
func (p *params) float(name string, lo, hi float64) *float64 {
	if !p.given(name) {
		return nil
	}
	f, ok := p.number(name)
	if !ok || !(f >= lo && f <= hi) {
		p.fail(codeInvalidValue, name, "%s must be a number from %s to %s", name, decimal(lo), decimal(hi))
		return nil
	}
	return &f
}

func (p *params) number(name string) (float64, bool) {
	text, ok := p.values[name].scalar()
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

// seed is a whole number of 64 bits, or nil when it was not given.
func (p *params) seed(name string) *uint64 {
	if !p.given(name) {
		return nil
	}
	text, _ := p.values[name].scalar()
	n, err := strconv.ParseUint(text, 10, 64)
	if f, ok := p.number(name); err != nil && ok && f >= 0 && f <= 1<<53 && f == math.Trunc(f) {
		n, err = uint64(f), nil // 7.0: a table library's way to write 7
	}
	if err != nil {
		p.fail(codeInvalidValue, name, "%s must be a whole number from 0 to %d, or left out for a random one", name, uint64(math.MaxUint64))
		return nil
	}
	return &n
}

// boolean is a truth value; false when it was not given.
func (p *params) boolean(name string) bool {
	if !p.given(name) {
		return false
	}
	text, _ := p.values[name].scalar()
	b, err := strconv.ParseBool(text)
	if err != nil {
		p.fail(codeInvalidValue, name, "%s must be true or false", name)
	}
	return b
}

// choice is one of the words, or the first of them when it was not given.
func (p *params) choice(name string, words ...string) string {
	if !p.given(name) {
		return words[0]
	}
	text, ok := p.values[name].scalar()
	if ok && slices.Contains(words, text) {
		return text
	}
	p.fail(codeInvalidValue, name, "%s must be one of %s, not %q", name, strings.Join(words, ", "), clip(text, 40))
	return words[0]
}

// object is a JSON object (in a form, its text), or nil when it was not given.
func (p *params) object(name string) map[string]json.RawMessage {
	if !p.given(name) {
		return nil
	}
	v := p.values[name]
	raw := v.raw
	if raw == nil {
		raw = json.RawMessage(v.text)
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || !utf8.Valid(raw) {
		p.fail(codeInvalidValue, name, "%s must be a JSON object", name)
		return nil
	}
	return object
}

// list is a JSON array of values (in a form, its text), or nil when it was not given.
func (p *params) list(name string) []json.RawMessage {
	if !p.given(name) {
		return nil
	}
	v := p.values[name]
	raw := v.raw
	if raw == nil {
		raw = json.RawMessage(v.text)
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		p.fail(codeInvalidValue, name, "%s must be a JSON array", name)
	}
	return list
}
