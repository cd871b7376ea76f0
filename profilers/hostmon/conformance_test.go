package hostmon

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/strobe-dev/strobe/sdk/plugintest"
	"github.com/strobe-dev/strobe/sdk/profiler"
)

func TestConformance(t *testing.T) {
	program := filepath.Join(t.TempDir(), "strobe-profiler-hostmon")
	build := exec.Command("go", "build", "-o", program, "./cmd/strobe-profiler-hostmon")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		t.Fatal(err)
	}
	plugintest.TestProfiler(t, plugintest.ProfilerOptions{
		New: func() (profiler.Profiler, profiler.Description) {
			p := New()
			return p, p.Describe()
		},
		Command:     []string{program},
		Config:      map[string]any{"interval": "20ms"},
		BadConfigs:  []map[string]any{{"interval": "1ms"}, {"interval": "2m"}, {"interval": int64(3)}},
		NoArtifacts: true,
		Measures:    runtime.GOOS == "linux",
	})
}
