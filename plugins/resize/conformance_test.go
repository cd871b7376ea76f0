package resize

import (
	"os"
	"regexp"
	"testing"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/plugintest"
	"github.com/strobe-dev/strobe/sdk/schema"
)

func TestConformance(t *testing.T) {
	plugintest.TestModel(t, plugintest.ModelOptions{
		New: New, Build: "./cmd/strobe-model-resize",
		Config:     map[string]any{"filter": "nearest"},
		BadConfigs: []map[string]any{{"filter": "lanczos"}, {"filter": int64(3)}},
		Request:    model.Request{Size: model.Size{Width: 48, Height: 24}},
	})
}

// TestReadmeSample decodes the config block that the README shows.
func TestReadmeSample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`config \{\n *(\w+) += +"(\w+)".*\n *\}`).FindSubmatch(readme)
	if found == nil {
		t.Fatal("the README shows no config block")
	}
	values := map[string]any{string(found[1]): string(found[2])}
	if findings := schema.Decode(values, New().Describe().Config); len(findings) > 0 {
		t.Errorf("%v: %v", values, findings)
	}
}
