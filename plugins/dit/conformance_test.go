package dit

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/plugintest"
	"github.com/strobe-dev/strobe/sdk/schema"
)

func TestConformance(t *testing.T) {
	plugintest.TestModel(t, plugintest.ModelOptions{
		New: New, Build: "./cmd/strobe-model-dit",
		Config: map[string]any{"device": "cpu", "threads": int64(2)},
		BadConfigs: []map[string]any{
			{"device": "cuda"}, {"weights": ""}, {"weights": "/no/such/file"}, {"weights": int64(1)},
			{"preset": "xxl"}, {"threads": int64(-1)}, {"threads": "all"}, {"arena_mib": int64(0)},
		},
		Request: model.Request{Steps: 6},
	})
}

// TestReadmeSamples decodes the config blocks that the README shows.
func TestReadmeSamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile(`(?s)config \{\n(.*?)\n *\}`).FindAllSubmatch(readme, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d config blocks in the README, want 2", len(blocks))
	}
	attribute := regexp.MustCompile(`(?m)^ *(\w+) += +(?:"([^"]*)"|(\d+))`)
	for _, b := range blocks {
		values := map[string]any{}
		for _, m := range attribute.FindAllStringSubmatch(string(b[1]), -1) {
			values[m[1]] = m[2]
			if m[3] != "" {
				var n int64
				if _, err := fmt.Sscan(m[3], &n); err != nil {
					t.Fatal(err)
				}
				values[m[1]] = n
			}
		}
		if len(values) != len(strings.Split(string(b[1]), "\n")) {
			t.Errorf("not every line of %q is an attribute", b[1])
		}
		if found := schema.Decode(values, New().Describe().Config); len(found) > 0 {
			t.Errorf("%v: %v", values, found)
		}
	}
}
