package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ebitengine/purego"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/plugintest"
)

// standin builds the library that stands in for NVIDIA's, and has this process and its children find it.
func standin(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs gcc, to build the library that stands in for NVIDIA's; install with apt-get install gcc libc6-dev")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "libcuda.so.1")
	out, err := exec.Command("gcc", "-O2", "-shared", "-fPIC", "-pthread", "-fvisibility=hidden", "-Wl,-soname,libcuda.so.1", "-o", path,
		"../../sdk/cuda/testdata/standin/standin.c").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Symlink("libcuda.so.1", filepath.Join(dir, "libcupti.so.12")); err != nil {
		t.Fatal(err)
	}
	if _, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL); err != nil { // the loader finds it by its name from now on
		t.Fatal(err)
	}
	t.Setenv("LD_LIBRARY_PATH", dir)
}

func TestConformance(t *testing.T) {
	standin(t)
	plugintest.TestModel(t, plugintest.ModelOptions{
		New: func() model.Model { return &scaler{} }, Build: ".",
		Config:     map[string]any{"cuda": "off", "operators": int64(2)},
		BadConfigs: []map[string]any{{"cuda": "on"}, {"operators": int64(0)}},
		Request:    model.Request{Steps: 3},
	})
}
