package wire

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPythonPlugin holds that PyPI's grpcio, whose BoringSSL knows no P-521, speaks our mutual TLS.
func TestPythonPlugin(t *testing.T) {
	if os.Getenv("STROBE_TEST") != "full" {
		t.Skip("STROBE_TEST=full: needs Python with grpcio; install with . .ci/grpcio.sh")
	}
	dir := os.Getenv("STROBE_GRPCIO")
	if dir == "" {
		t.Fatal("STROBE_GRPCIO is not set: install grpcio with . .ci/grpcio.sh, which sets it")
	}
	script, err := filepath.Abs("testdata/python/plugin.py")
	if err != nil {
		t.Fatal(err)
	}
	var log logBuffer
	p := launch(t, testHost(t), Spec{Kind: KindProfiler, Name: "python", Command: []string{filepath.Join(dir, "venv/bin/python"), script}, Log: log.logger()})
	d, err := p.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d.Kind != KindProfiler || d.Name != "python" || !d.Serves(1) {
		t.Errorf("%+v", d)
	}
	found, err := p.Configure(t.Context(), map[string]any{"large": strings.Repeat("x", 3<<20)})
	if err != nil || found.HasErrors() {
		t.Error(found, err)
	}
	if err := p.Abort(t.Context()); err != nil {
		t.Error(err)
	}
	eventually(t, "it has logged", func() bool { return strings.Contains(log.String(), `level=INFO msg="python is up"`) })
	if err := p.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if alive(p.PID()) {
		t.Error("it runs")
	}
	if got := p.process().exit.Status; got != "status 0" {
		t.Errorf("it ended with %s", got)
	}
}
