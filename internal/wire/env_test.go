package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPluginEnv: plugins get what libraries and outside profilers are found by, and nothing that could be a secret.
func TestPluginEnv(t *testing.T) {
	passes := []string{
		"PATH=/bin", "LD_LIBRARY_PATH=/lib", "LD_PRELOAD=/nsys/libToolsInjectionProxy64.so", "CUDA_INJECTION64_PATH=/nsys/lib.so",
		"NVTX_INJECTION64_PATH=/nsys/lib.so", "QUADD_INJECTION_CONFIG=/tmp/config", "USE_AGENT_API=1", "NSYS_PROFILING_SESSION_ID=1", "OTEL_SERVICE_NAME=strobe",
	}
	stays := []string{"STROBE_TOKEN=x", "AWS_SECRET_ACCESS_KEY=x", "HF_TOKEN=x", "OTEL_EXPORTER_OTLP_HEADERS=api-key=x", "SHELL=/bin/sh", "=odd", "odd"}
	if d := cmp.Diff(passes, pluginEnv(append(stays, passes...))); d != "" {
		t.Error(d)
	}
}
