package plugintest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is the command of a plugin: as it was given, or a Go package, which is built.
func program(t *testing.T, pkg string, command []string) []string {
	t.Helper()
	if pkg == "" || len(command) > 0 {
		return command
	}
	made := filepath.Join(t.TempDir(), "plugin")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", made, pkg)
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		t.Fatalf("build %s: %v", pkg, err)
	}
	return []string{made}
}
