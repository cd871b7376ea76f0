package nsight

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/strobe-dev/strobe/sdk/plugintest"
	"github.com/strobe-dev/strobe/sdk/profiler"
)

func TestConformance(t *testing.T) {
	program := filepath.Join(t.TempDir(), "strobe-profiler-nsight")
	build := exec.Command("go", "build", "-o", program, "./cmd/strobe-profiler-nsight")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		t.Fatal(err)
	}
	plugintest.TestProfiler(t, plugintest.ProfilerOptions{
		New: func() (profiler.Profiler, profiler.Description) {
			p := New()
			return p, p.Describe()
		},
		Command: []string{program},
	})
}
