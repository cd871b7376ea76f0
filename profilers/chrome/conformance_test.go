package chrome

import (
	"testing"

	"github.com/strobe-dev/strobe/sdk/plugintest"
	"github.com/strobe-dev/strobe/sdk/profiler"
)

func TestConformance(t *testing.T) {
	plugintest.TestProfiler(t, plugintest.ProfilerOptions{
		New: func() (profiler.Profiler, profiler.Description) {
			p := New()
			return p, p.Describe()
		},
		Build:      "./cmd/strobe-profiler-chrome",
		Config:     map[string]any{"compression": "small"},
		BadConfigs: []map[string]any{{"compression": "most"}, {"compression": int64(3)}},
	})
}
