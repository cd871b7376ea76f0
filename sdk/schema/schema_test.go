package schema_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/diag"
	"github.com/strobe-dev/strobe/sdk/schema"
)

type tls struct {
	CA     string `strobe:"ca_file" required:"true"`
	Verify bool   `strobe:"verify" default:"true"`
}

func (t *tls) Validate() diag.List {
	var l diag.List
	if t.CA == "missing" {
		l.Errorf(diag.Path{"ca_file"}, "no such file")
	}
	return l
}

type limits struct {
	Queue int64 `strobe:"queue" default:"64" min:"1"`
}

type config struct {
	Endpoint string            `strobe:"endpoint" required:"true" doc:"Where to send."`
	Level    string            `strobe:"level" default:"operator" enum:"step,block,operator"`
	Steps    int               `strobe:"steps" default:"20" min:"1" max:"200"`
	Ratio    float64           `strobe:"ratio" default:"0.5" max:"1"`
	Timeout  time.Duration     `strobe:"timeout" default:"10s" min:"0.1"`
	Headers  map[string]string `strobe:"headers"`
	Parts    []string          `strobe:"parts" default:"a,b" enum:"a,b,c"`
	Seed     *int64            `strobe:"seed"`
	TLS      *tls              `strobe:"tls"`
	Limits   limits            `strobe:"limits"`
	Insecure bool              `strobe:"insecure"`
	Kept     string            // no tag: left alone
}

func ptr[T any](v T) *T { return &v }

func TestDecode(t *testing.T) {
	base := config{Endpoint: "h:1", Level: "operator", Steps: 20, Ratio: 0.5, Timeout: 10 * time.Second,
		Parts: []string{"a", "b"}, Limits: limits{Queue: 64}, Kept: "kept"}
	with := func(f func(*config)) config { c := base; f(&c); return c }
	for _, test := range []struct {
		name   string
		values map[string]any
		want   config
	}{
		{"defaults", map[string]any{}, base},
		{"scalars", map[string]any{"level": "step", "steps": int64(3), "ratio": int64(1), "timeout": "1m30s", "insecure": true},
			with(func(c *config) {
				c.Level, c.Steps, c.Ratio, c.Timeout, c.Insecure = "step", 3, 1, 90*time.Second, true
			})},
		{"optional zero is not absent", map[string]any{"seed": int64(0)}, with(func(c *config) { c.Seed = ptr(int64(0)) })},
		{"null is absent", map[string]any{"seed": nil, "steps": nil, "tls": nil}, base},
		{"list and map", map[string]any{"parts": []any{"c"}, "headers": map[string]any{"k": "v"}},
			with(func(c *config) { c.Parts, c.Headers = []string{"c"}, map[string]string{"k": "v"} })},
		{"nested", map[string]any{"tls": map[string]any{"ca_file": "x"}, "limits": map[string]any{"queue": int64(1)}},
			with(func(c *config) { c.TLS, c.Limits.Queue = &tls{CA: "x", Verify: true}, 1 })},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := config{Kept: "kept"}
			test.values["endpoint"] = "h:1"
			if found := schema.Decode(test.values, &got); len(found) > 0 {
				t.Fatalf("findings: %v", found)
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDecodeFindsEverythingAtOnce(t *testing.T) {
	got := config{Steps: 7}
	found := schema.Decode(map[string]any{
		"endpont": "x", "level": "operators", "steps": int64(201), "ratio": 1.5, "timeout": "10", "insecure": "yes",
		"parts": []any{"a", int64(1)}, "headers": map[string]any{"k": true},
		"tls": map[string]any{"verfy": true}, "limits": int64(3),
	}, &got)
	var texts []string
	for _, d := range found {
		texts = append(texts, d.Path.String()+"|"+d.Summary+"|"+strings.ReplaceAll(d.Detail, "\n", "; "))
	}
	want := []string{
		`endpont|unknown key "endpont"|did you mean "endpoint"?; known keys: endpoint, level, steps, ratio, timeout, headers, parts, seed, tls, limits, insecure`,
		`endpoint|missing key "endpoint"|Where to send.`,
		`level|"operators" is not allowed|did you mean "operator"?; allowed: step, block, operator`,
		`steps|201 is out of range: 1 to 200|`,
		`ratio|1.5 is too large: at most 1|`,
		`timeout|"10" is no duration|write a number and a unit: "500ms", "10s", "1m30s"`,
		`headers.k|must be text, not true or false|`,
		`parts.1|must be text, not a whole number|`,
		`tls.verfy|unknown key "verfy"|did you mean "verify"?; known keys: ca_file, verify`,
		`tls.ca_file|missing key "ca_file"|`,
		`limits|must be a block or an object, not a whole number|`,
		`insecure|must be true or false, not text|`,
	}
	if d := cmp.Diff(want, texts); d != "" {
		t.Error(d)
	}
	if got.Steps != 7 {
		t.Error("a configuration with errors was stored")
	}
}

func TestDecodeValidates(t *testing.T) {
	var got config
	found := schema.Decode(map[string]any{"endpoint": "x", "tls": map[string]any{"ca_file": "missing"}}, &got)
	want := diag.List{{Severity: diag.Error, Summary: "no such file", Path: diag.Path{"tls", "ca_file"}}}
	if d := cmp.Diff(want, found); d != "" {
		t.Error(d)
	}
}

func TestDecodeNil(t *testing.T) {
	if found := schema.Decode(nil, nil); len(found) > 0 {
		t.Errorf("no values, no configuration: %v", found)
	}
	if found := schema.Decode(map[string]any{"a": true}, nil); !found.HasErrors() {
		t.Error("a value for a plugin without configuration was accepted")
	}
}

func TestDecodeTwiceSharesNothing(t *testing.T) {
	var a, b config
	schema.Decode(map[string]any{"endpoint": "x"}, &a)
	a.Parts[0] = "changed"
	schema.Decode(map[string]any{"endpoint": "x"}, &b)
	if b.Parts[0] != "a" {
		t.Error("a default was shared")
	}
}

type loop struct {
	Next *loop `strobe:"next"`
}

func TestFromFindsAuthorsMistakes(t *testing.T) {
	for _, test := range []struct {
		name   string
		config any
		want   string
	}{
		{"not a pointer", config{}, "pointer to a struct"},
		{"unsupported type", &struct {
			A chan int `strobe:"a"`
		}{}, "not supported"},
		{"two of a name", &struct {
			A, B int `strobe:"a"`
		}{}, "both named"},
		{"bad default", &struct {
			A int `strobe:"a" default:"x"`
		}{}, "default"},
		{"default out of range", &struct {
			A int `strobe:"a" default:"3" max:"2"`
		}{}, "too large"},
		{"default not in enum", &struct {
			A string `strobe:"a" default:"c" enum:"a,b"`
		}{}, "not allowed"},
		{"required with default", &struct {
			A int `strobe:"a" default:"1" required:"true"`
		}{}, "required"},
		{"range of text", &struct {
			A string `strobe:"a" min:"1"`
		}{}, "min is for numbers"},
		{"enum of numbers", &struct {
			A int `strobe:"a" enum:"1,2"`
		}{}, "enum is for text"},
		{"endless struct", &loop{}, "contains itself"},
		{"empty key", &struct {
			A int `strobe:""`
		}{}, "cannot be a key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := schema.From(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("From = %v, want an error with %q", err, test.want)
			}
			if !schema.Decode(nil, test.config).HasErrors() {
				t.Error("Decode found nothing")
			}
		})
	}
}

func TestFrom(t *testing.T) {
	got, err := schema.From(&struct {
		Steps int      `strobe:"steps" default:"20" min:"1" max:"200" doc:"Denoise steps."`
		TLS   *tls     `strobe:"tls"`
		Parts []string `strobe:"parts" enum:"a,b"`
	}{})
	want := []schema.Attribute{
		{Name: "steps", Type: schema.Int, Doc: "Denoise steps.", Default: "20", HasDefault: true, Min: ptr(1.0), Max: ptr(200.0)},
		{Name: "tls", Type: schema.Object, Fields: []schema.Attribute{
			{Name: "ca_file", Type: schema.String, Required: true},
			{Name: "verify", Type: schema.Bool, Default: "true", HasDefault: true},
		}},
		{Name: "parts", Type: schema.List, Enum: []string{"a", "b"}},
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("steps", "x", int64(1), 0.5, uint8(0))
	f.Add("tls", "verify", int64(-1), -1.0, uint8(5))
	f.Fuzz(func(t *testing.T, key, text string, i int64, n float64, kind uint8) {
		var v any
		switch kind % 7 {
		case 0:
			v = text
		case 1:
			v = i
		case 2:
			v = n
		case 3:
			v = []any{text, i, nil}
		case 4:
			v = map[string]any{text: i}
		case 5:
			v = map[string]any{"ca_file": text, "verify": nil}
		}
		schema.Decode(map[string]any{key: v, "endpoint": text}, &config{})
	})
}
