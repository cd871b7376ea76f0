package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Type of an attribute. The numbers are those of the wire.
type Type uint8

// Types of attribute.
const (
	String   Type = 1 + iota
	Bool          // true or false
	Int           // 64 bits, signed
	Float         // 64 bits
	Duration      // text such as "10s"
	List          // of text
	Map           // of text by text keys
	Object        // see Attribute.Fields
)

var typeNames = [...]string{"", "text", "true or false", "a whole number", "a number", `a duration such as "10s"`, "a list of text", "an object of text values", "a block"}

// String is what a user calls the type.
func (t Type) String() string {
	if int(t) < len(typeNames) && t != 0 {
		return typeNames[t]
	}
	return "type#" + strconv.Itoa(int(t))
}

// Attribute is one key of a configuration.
type Attribute struct {
	Name       string
	Type       Type
	Doc        string
	Default    string // as text, when HasDefault; elements of a list are separated by commas
	HasDefault bool
	Required   bool
	Enum       []string    // the only texts allowed; empty: any
	Min, Max   *float64    // of a number, or of a duration in seconds; nil: no bound
	Fields     []Attribute // of an Object
}

// From reads the attributes of a struct, given a pointer to it; nil has none. An error is the author's mistake in a
// tag, not the user's.
func From(config any) ([]Attribute, error) {
	if config == nil {
		return nil, nil
	}
	t := reflect.TypeOf(config)
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("configuration is a %s, must be a pointer to a struct", t)
	}
	fs, err := fieldsOf(t.Elem(), nil)
	if err != nil {
		return nil, err
	}
	return attributes(fs), nil
}

// field is an attribute and where its value is stored.
type field struct {
	Attribute
	index    int
	pointer  bool
	preset   any // the default as a stored value
	children []field
}

func attributes(fs []field) []Attribute {
	out := make([]Attribute, 0, len(fs))
	for _, f := range fs {
		out = append(out, f.Attribute)
	}
	return out
}

// fieldsOf reads a struct's tags. outer holds the structs around it, so that one that contains itself is an error and
// not an endless walk.
func fieldsOf(t reflect.Type, outer []reflect.Type) ([]field, error) {
	if slices.Contains(outer, t) {
		return nil, fmt.Errorf("configuration struct %s contains itself", t)
	}
	outer = append(outer[:len(outer):len(outer)], t)
	var out []field
	seen := map[string]string{}
	for i := range t.NumField() {
		sf := t.Field(i)
		name, tagged := sf.Tag.Lookup("strobe")
		if !tagged {
			continue
		}
		f, err := readField(sf, name, outer)
		if err != nil {
			return nil, fmt.Errorf("field %s of %s: %w", sf.Name, t, err)
		}
		if other, twice := seen[name]; twice {
			return nil, fmt.Errorf("fields %s and %s of %s are both named %q", other, sf.Name, t, name)
		}
		seen[name] = sf.Name
		f.index = i
		out = append(out, f)
	}
	return out, nil
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	listType     = reflect.TypeFor[[]string]()
	mapType      = reflect.TypeFor[map[string]string]()
)

func readField(sf reflect.StructField, name string, outer []reflect.Type) (field, error) {
	f := field{Attribute: Attribute{Name: name, Doc: sf.Tag.Get("doc"), Required: sf.Tag.Get("required") == "true"}}
	if name == "" || strings.ContainsAny(name, " .\"\x00") {
		return f, fmt.Errorf("%q cannot be a key", name)
	}
	if !sf.IsExported() {
		return f, fmt.Errorf("the field must be exported")
	}
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		f.pointer, t = true, t.Elem()
	}
	f.Type = typeOf(t)
	switch {
	case f.Type == 0:
		return f, fmt.Errorf("type %s is not supported", sf.Type)
	case f.pointer && (f.Type == List || f.Type == Map):
		return f, fmt.Errorf("type %s is not supported: a list or map that is absent is nil already", sf.Type)
	case f.Type == Object:
		fs, err := fieldsOf(t, outer)
		if err != nil {
			return f, err
		}
		f.children, f.Fields = fs, attributes(fs)
	}
	return f, f.readTags(sf.Tag)
}

func typeOf(t reflect.Type) Type {
	switch {
	case t == durationType:
		return Duration
	case t == listType:
		return List
	case t == mapType:
		return Map
	}
	switch t.Kind() {
	case reflect.String:
		return String
	case reflect.Bool:
		return Bool
	case reflect.Int, reflect.Int64:
		return Int
	case reflect.Float64:
		return Float
	case reflect.Struct:
		return Object
	}
	return 0
}

func (f *field) readTags(tag reflect.StructTag) error {
	if s := tag.Get("enum"); s != "" {
		if f.Type != String && f.Type != List {
			return fmt.Errorf("enum is for text, not for %s", f.Type)
		}
		f.Enum = strings.Split(s, ",")
	}
	for _, b := range []struct {
		key string
		to  **float64
	}{{"min", &f.Min}, {"max", &f.Max}} {
		s, ok := tag.Lookup(b.key)
		if !ok {
			continue
		}
		if f.Type != Int && f.Type != Float && f.Type != Duration {
			return fmt.Errorf("%s is for numbers and durations, not for %s", b.key, f.Type)
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("%s %q is no number", b.key, s)
		}
		*b.to = &v
	}
	return f.readDefault(tag)
}

func (f *field) readDefault(tag reflect.StructTag) error {
	s, ok := tag.Lookup("default")
	if !ok {
		return nil
	}
	if f.Required {
		return fmt.Errorf("a required key cannot have a default")
	}
	v, err := parseDefault(f.Type, s)
	if err != nil {
		return fmt.Errorf("default %q: %w", s, err)
	}
	stored, bad := f.convert(v)
	if bad.Summary != "" {
		return fmt.Errorf("default %q: %s", s, bad.Summary)
	}
	f.Default, f.HasDefault, f.preset = s, true, stored
	return nil
}

// parseDefault turns a tag's text into what a user would have written.
func parseDefault(t Type, s string) (any, error) {
	switch t {
	case String, Duration:
		return s, nil
	case Bool:
		return strconv.ParseBool(s)
	case Int:
		return strconv.ParseInt(s, 10, 64)
	case Float:
		return strconv.ParseFloat(s, 64)
	case List:
		var out []any
		for e := range strings.SplitSeq(s, ",") {
			if e != "" {
				out = append(out, e)
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("%s has no default", t)
}
