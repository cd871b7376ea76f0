package chrome

import (
	"os"
	"regexp"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/strobe-dev/strobe/sdk/schema"
)

// TestReadmeSample decodes the configuration that the README shows.
func TestReadmeSample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	sample := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindSubmatch(readme)
	if sample == nil {
		t.Fatal("the README has no hcl sample")
	}
	f, diags := hclsyntax.ParseConfig(sample[1], "README.md", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	values := map[string]any{}
	for _, block := range f.Body.(*hclsyntax.Body).Blocks[0].Body.Blocks {
		for name, a := range block.Body.Attributes {
			v, diags := a.Expr.Value(nil)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			values[name] = v.AsString()
		}
	}
	if findings := schema.Decode(values, New().Describe().Config); len(findings) > 0 || len(values) == 0 {
		t.Errorf("%v: %v", values, findings)
	}
}
