package apicheck

import (
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// where is the name that the document has for the compiler; nothing is fetched.
const where = "https://openapi.invalid/document.json"

// compiler makes validators of the document's schemas.
type compiler struct {
	inner *jsonschema.Compiler
}

func newCompiler(tree any) (*compiler, error) {
	root, ok := tree.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("read the OpenAPI document: it is no object")
	}
	seal(root, false)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.AssertContent()
	if err := c.AddResource(where, root); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	return &compiler{c}, nil
}

func (c *compiler) compile(pointer string) (*jsonschema.Schema, error) {
	s, err := c.inner.Compile(where + pointer)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", pointer, err)
	}
	return s, nil
}

// seal makes every object schema refuse members that it does not name. A part of a whole (a member of allOf, or a schema
// that others refer to) cannot know the other parts' members, so the whole refuses: where a schema is referred to, not
// where it is defined.
func seal(node any, part bool) {
	switch node := node.(type) {
	case map[string]any:
		_, refers := node["$ref"]
		_, composed := node["allOf"]
		_, named := node["properties"]
		_, open := node["additionalProperties"]
		if !part && !open && (refers || composed || named) {
			if _, own := node["unevaluatedProperties"]; !own {
				node["unevaluatedProperties"] = false
			}
		}
		for key, child := range node {
			switch key {
			case "allOf":
				for _, one := range child.([]any) {
					seal(one, true)
				}
			case "schemas": // of components: sealed where they are referred to
				for _, one := range child.(map[string]any) {
					seal(one, true)
				}
			case "properties", "responses", "headers", "parameters":
				sealEach(child)
			case "enum", "const", "example", "examples", "default", "required":
			default:
				seal(child, false)
			}
		}
	case []any:
		for _, child := range node {
			seal(child, false)
		}
	}
}

// sealEach goes into the members of an object whose keys are names and no keywords.
func sealEach(node any) {
	switch node := node.(type) {
	case map[string]any:
		for _, child := range node {
			seal(child, false)
		}
	case []any:
		seal(node, false)
	}
}
