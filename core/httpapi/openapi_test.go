package httpapi

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/recording/summary"
)

// document is as much of OpenAPI as the tests look at.
type document struct {
	OpenAPI    string                                `json:"openapi"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas   map[string]schema          `json:"schemas"`
		Responses map[string]json.RawMessage `json:"responses"`
	} `json:"components"`
}

type schema struct {
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	Enum       []string          `json:"enum"`
	Items      *schema           `json:"items"`
}

func readDocument(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(newHarness(t).get("/openapi.json").Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestOpenAPIRoutes: every route is in the document, and nothing else.
func TestOpenAPIRoutes(t *testing.T) {
	d := readDocument(t)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("openapi is %s", d.OpenAPI)
	}
	var got, want []string
	for path, ops := range d.Paths {
		for method := range ops {
			got = append(got, strings.ToUpper(method)+" "+path)
		}
	}
	for pattern := range newHarness(t).server.routes {
		want = append(want, strings.ReplaceAll(pattern, "...}", "}"))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestOpenAPIReferences: every $ref leads somewhere, and everything is referred to.
func TestOpenAPIReferences(t *testing.T) {
	d := readDocument(t)
	used := map[string]bool{}
	var tree any
	if err := json.Unmarshal(openAPI, &tree); err != nil {
		t.Fatal(err)
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if to, ok := v["$ref"].(string); ok {
				whole, _, _ := strings.Cut(to, "/properties/")
				used[whole] = true
			}
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(tree)
	have := map[string]bool{}
	for name := range d.Components.Schemas {
		have["#/components/schemas/"+name] = true
	}
	for name := range d.Components.Responses {
		have["#/components/responses/"+name] = true
	}
	if diff := cmp.Diff(have, used); diff != "" {
		t.Error(diff)
	}
}

// TestOpenAPIOperations: ids are unique, and every path parameter is declared.
func TestOpenAPIOperations(t *testing.T) {
	ids := map[string]bool{}
	for path, ops := range readDocument(t).Paths {
		for method, raw := range ops {
			var op struct {
				OperationID string `json:"operationId"`
				Parameters  []struct{ Name, In string }
				Responses   map[string]json.RawMessage
			}
			if err := json.Unmarshal(raw, &op); err != nil {
				t.Fatal(err)
			}
			if op.OperationID == "" || ids[op.OperationID] || len(op.Responses["200"]) == 0 {
				t.Errorf("%s %s: operationId %q", method, path, op.OperationID)
			}
			ids[op.OperationID] = true
			var declared []string
			for _, p := range op.Parameters {
				if p.In == "path" {
					declared = append(declared, p.Name)
				}
			}
			if got := strings.Count(path, "{"); got != len(declared) {
				t.Errorf("%s %s declares %v", method, path, declared)
			}
		}
	}
}

// TestOpenAPISchemas holds the schemas of replies against the structs that make them.
func TestOpenAPISchemas(t *testing.T) {
	d := readDocument(t)
	for name, v := range map[string]any{
		"Error": errorReply{}, "ImagesReply": imagesReply{}, "ChatReply": chatReply{}, "Model": modelReply{}, "ModelDetails": modelDetails{},
		"Plugin": catalog.PluginInfo{}, "PluginList": pluginList{}, "Health": healthReply{}, "Ready": readyReply{}, "Profile": profile.View{}, "ProcessRecording": profile.Process{}, "Export": profile.Export{},
		"Artifact": profile.Artifact{}, "Losses": profile.Losses{}, "Summary": summary.Table{}, "SummarySection": summary.Section{}, "SummaryRow": summary.Row{},
	} {
		compareSchema(t, name, d.Components.Schemas[name], reflect.TypeOf(v))
	}
	compat := d.Components.Schemas["CompatReply"].Properties
	if diff := cmp.Diff([]string{"ignored", "status"}, slices.Sorted(maps.Keys(compat))); diff != "" {
		t.Error(diff)
	}
	for name, keys := range map[string][]string{"StartProfile": strictKeys, "StopProfile": stopKeys, "ExportProfile": exportKeys} {
		if diff := cmp.Diff(slices.Sorted(slices.Values(keys)), slices.Sorted(maps.Keys(d.Components.Schemas[name].Properties))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if diff := cmp.Diff(sentCodes(), slices.Sorted(slices.Values(d.Components.Schemas["Error"].Properties["error"].Properties["code"].Enum))); diff != "" {
		t.Error(diff)
	}
}

func compareSchema(t *testing.T, path string, s schema, typ reflect.Type) {
	t.Helper()
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
		if s.Items != nil {
			s = *s.Items
		}
	}
	if typ.Kind() != reflect.Struct || s.Properties == nil {
		return
	}
	var all, required []string
	for i := range typ.NumField() {
		name, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		all = append(all, name)
		if options != "omitempty" {
			required = append(required, name)
		}
		compareSchema(t, path+"."+name, s.Properties[name], typ.Field(i).Type)
	}
	slices.Sort(all)
	slices.Sort(required)
	if diff := cmp.Diff(all, slices.Sorted(maps.Keys(s.Properties))); diff != "" {
		t.Errorf("%s: %s", path, diff)
	}
	if diff := cmp.Diff(required, slices.Sorted(slices.Values(s.Required))); diff != "" {
		t.Errorf("%s, required: %s", path, diff)
	}
}
