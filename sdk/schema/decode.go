package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/strobe-dev/strobe/internal/words"
	"github.com/strobe-dev/strobe/sdk/diag"
)

// Value is what a user wrote: nil (null), string, bool, int64, float64, []any of Values or map[string]any of Values.
type Value = any

// Validator is an optional companion of a configuration struct, nested ones too: it is asked when the struct's own
// values are sound, at each configuring, and has no side effects. Paths of its findings are relative to the struct.
type Validator interface{ Validate() diag.List }

// Decode stores values into the struct behind config, which is a pointer to a struct or nil. Defaults come first;
// unknown keys, wrong types, values out of range and missing keys are all found at once. The struct is changed only when
// there is no error among the findings. Null counts as absent, and makes an optional (pointer) field nil.
func Decode(values map[string]any, config any) diag.List {
	var d decoder
	if config == nil {
		for _, key := range keys(values) {
			d.add(diag.Path{key}, "the plugin takes no configuration", "unknown key %q", key)
		}
		return d.found
	}
	if _, err := From(config); err != nil {
		return diag.List{{Severity: diag.Error, Summary: "the plugin's configuration struct is wrong", Detail: err.Error()}}
	}
	target := reflect.ValueOf(config).Elem()
	fs, _ := fieldsOf(target.Type(), nil) // From has looked
	work := reflect.New(target.Type())
	work.Elem().Set(target)
	d.object(nil, values, fs, work)
	if !d.found.HasErrors() {
		target.Set(work.Elem())
	}
	return d.found
}

// decoder collects findings.
type decoder struct{ found diag.List }

func (d *decoder) add(path diag.Path, detail, format string, args ...any) {
	d.found = append(d.found, diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf(format, args...), Detail: detail, Path: path})
}

// object stores values into the struct behind ptr.
func (d *decoder) object(path diag.Path, values map[string]any, fs []field, ptr reflect.Value) {
	before := len(d.found)
	d.unknown(path, values, fs)
	for _, f := range fs {
		at := child(path, f.Name)
		v, given := values[f.Name]
		slot := ptr.Elem().Field(f.index)
		if given && v == nil { // null
			given = false
			if f.pointer {
				slot.SetZero()
				if f.Required {
					d.add(at, "", "key %q must not be null", f.Name)
				}
				continue
			}
		}
		switch {
		case !given && f.Required:
			d.add(at, f.Doc, "missing key %q", f.Name)
		case f.Type == Object:
			d.nested(at, v, given, f, slot)
		case !given:
			if f.HasDefault {
				store(slot, f.preset)
			}
		default:
			d.scalar(at, v, f, slot)
		}
	}
	if d.found[before:].HasErrors() {
		return
	}
	if v, ok := ptr.Interface().(Validator); ok {
		for _, found := range v.Validate() {
			found.Path = slices.Concat(path, found.Path)
			d.found = append(d.found, found)
		}
	}
}

func (d *decoder) scalar(at diag.Path, v any, f field, slot reflect.Value) {
	stored, bad := f.convert(v)
	if bad.Summary != "" {
		bad.Path = slices.Concat(at, bad.Path)
		d.found = append(d.found, bad)
		return
	}
	store(slot, stored)
}

// nested decodes a struct field. One that is not a pointer gets its defaults though its key is absent.
func (d *decoder) nested(at diag.Path, v any, given bool, f field, slot reflect.Value) {
	if !given && f.pointer {
		slot.SetZero()
		return
	}
	inner, ok := v.(map[string]any)
	if given && !ok {
		d.add(at, "", "must be a block or an object, not %s", words.Kind(v))
		return
	}
	t := slot.Type()
	if f.pointer {
		t = t.Elem()
	}
	work := reflect.New(t)
	if !f.pointer {
		work.Elem().Set(slot)
	}
	d.object(at, inner, f.children, work)
	if f.pointer {
		slot.Set(work)
		return
	}
	slot.Set(work.Elem())
}

func (d *decoder) unknown(path diag.Path, values map[string]any, fs []field) {
	var known []string
	for _, f := range fs {
		known = append(known, f.Name)
	}
	for _, key := range keys(values) {
		if !slices.Contains(known, key) {
			d.add(child(path, key), words.Hint(key, "known keys", known), "unknown key %q", key)
		}
	}
}

// store puts a converted value into a field or behind its pointer.
func store(slot reflect.Value, v any) {
	t := slot.Type()
	if t.Kind() == reflect.Pointer {
		p := reflect.New(t.Elem())
		p.Elem().Set(reflect.ValueOf(v).Convert(t.Elem()))
		slot.Set(p)
		return
	}
	slot.Set(clone(reflect.ValueOf(v)).Convert(t))
}

// clone keeps a default's slice or map from being shared by two decodes.
func clone(v reflect.Value) reflect.Value {
	switch x := v.Interface().(type) {
	case []string:
		return reflect.ValueOf(slices.Clone(x))
	}
	return v
}

func keys(m map[string]any) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func child(path diag.Path, name string) diag.Path {
	return append(path[:len(path):len(path)], name)
}

func index(i int) diag.Path { return diag.Path{strconv.Itoa(i)} }
