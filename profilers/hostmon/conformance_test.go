package hostmon

import (
	"runtime"
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
		Build:       "./cmd/strobe-profiler-hostmon",
		Config:      map[string]any{"interval": "20ms"},
		BadConfigs:  []map[string]any{{"interval": "1ms"}, {"interval": "2m"}, {"interval": int64(3)}},
		NoArtifacts: true,
		Measures:    runtime.GOOS == "linux",
	})
}
