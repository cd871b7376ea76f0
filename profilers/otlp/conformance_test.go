package otlp

import (
	"testing"

	"github.com/strobe-dev/strobe/sdk/plugintest"
	"github.com/strobe-dev/strobe/sdk/profiler"
)

func TestConformance(t *testing.T) {
	r := newReceiver(t)
	plugintest.TestProfiler(t, plugintest.ProfilerOptions{
		New: func() (profiler.Profiler, profiler.Description) {
			p := New()
			return p, p.Describe()
		},
		Build:  "./cmd/strobe-profiler-otlp",
		Config: map[string]any{"endpoint": r.address, "insecure": true, "patience": "1s"},
		BadConfigs: []map[string]any{
			{"endpoint": "ftp://box"}, {"endpoint": "a b"}, {"detail": "all"}, {"compression": "zstd"}, {"headers": "x"},
			{"cert_file": "only.pem"}, {"ca_file": "/nonexistent.pem"}, {"in_flight": int64(0)}, {"max_request_bytes": int64(4 << 20)},
			{"insecure": true, "ca_file": "/nonexistent.pem"},
		},
	})
}
