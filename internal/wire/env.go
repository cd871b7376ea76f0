package wire

import (
	"slices"
	"strings"
)

// passed are the variables of core's environment that plugins get. Everything else stays with core: tokens and keys
// come to it by environment too.
var passed = []string{
	"PATH", "HOME", "TMPDIR", "TZ", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"GOMAXPROCS", "GOTRACEBACK", "GODEBUG", "GOGC", "GOMEMLIMIT", "GOCOVERDIR", "GORACE",
	"USE_AGENT_API", "TRACE_START_IMMEDIATELY", // nsys's, as its families below
}

// passedPrefixes are families of variables that plugins get. NVTX_, NSYS_ and QUADD_, with LD_PRELOAD, are how nsys reaches the
// children of what it was told to run: the ranks.
var passedPrefixes = []string{"CUDA_", "NVIDIA_", "NVTX_", "NSYS_", "QUADD_", "OTEL_", "OMP_", "MKL_", "PYTHON", "PYTORCH_", "TORCH_", "HF_"}

// secret marks a variable that is withheld though its family is passed: OTEL_EXPORTER_OTLP_HEADERS holds API keys as a
// rule; an exporter that needs it takes it from its own configuration, or is one to which core gives it by name.
var secret = []string{"TOKEN", "SECRET", "PASSWORD", "API_KEY", "APIKEY", "HEADERS"}

// pluginEnv chooses from core's environment what a plugin gets.
func pluginEnv(environ []string) []string {
	var out []string
	for _, e := range environ {
		name, _, ok := strings.Cut(e, "=")
		if !ok || name == "" {
			continue
		}
		family := slices.ContainsFunc(passedPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		hidden := slices.ContainsFunc(secret, func(s string) bool { return strings.Contains(name, s) })
		if slices.Contains(passed, name) || family && !hidden {
			out = append(out, e)
		}
	}
	return out
}
