package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestOpenAPIDocument has an outside validator read the document as a server gives it.
func TestOpenAPIDocument(t *testing.T) {
	dir := clientsDir(t)
	p := startServer(t)
	file := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(file, p.get("/openapi.json").body, 0o600); err != nil {
		t.Fatal(err)
	}
	runOutside(t, t.TempDir(), []string{filepath.Join(dir, "venv/bin/python"), "-m", "openapi_spec_validator", file})
}
