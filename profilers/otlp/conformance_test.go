package otlp

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/strobe-dev/strobe/sdk/plugintest"
	"github.com/strobe-dev/strobe/sdk/profiler"
)

func TestConformance(t *testing.T) {
	program := filepath.Join(t.TempDir(), "strobe-profiler-otlp")
	build := exec.Command("go", "build", "-o", program, "./cmd/strobe-profiler-otlp")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		t.Fatal(err)
	}
	r := newReceiver(t)
	plugintest.TestProfiler(t, plugintest.ProfilerOptions{
		New: func() (profiler.Profiler, profiler.Description) {
			p := New()
			return p, p.Describe()
		},
		Command: []string{program},
		Config:  map[string]any{"endpoint": r.address, "insecure": true, "patience": "1s"},
		BadConfigs: []map[string]any{
			{"endpoint": "ftp://box"}, {"endpoint": "a b"}, {"detail": "all"}, {"compression": "zstd"}, {"headers": "x"},
			{"cert_file": "only.pem"}, {"ca_file": "/nonexistent.pem"}, {"in_flight": int64(0)}, {"max_request_bytes": int64(4 << 20)},
			{"insecure": true, "ca_file": "/nonexistent.pem"},
		},
	})
}
