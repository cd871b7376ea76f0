package wire

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime/pprof"
	"testing"
)

// isPprof tells whether a file is gzip of at least some bytes, as pprof's are.
func isPprof(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) || len(b) < 50 {
		t.Errorf("%s: %d bytes, %v", filepath.Base(path), len(b), err)
	}
}

func left(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestCPUProfileOfARank(t *testing.T) {
	h := testHost(t)
	m := ready(t, h, nil)
	dir := t.TempDir()
	path := filepath.Join(dir, "cpu.rank.pprof")
	if err := m.StopCPUProfile(t.Context()); err == nil {
		t.Error("stopped nothing")
	}
	if err := m.StartCPUProfile(t.Context(), path, 1<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("it is there before it is complete")
	}
	if err := m.StartCPUProfile(t.Context(), path, 1<<20); err != nil { // as if the first had been given up
		t.Fatal(err)
	}
	if err := m.StopCPUProfile(t.Context()); err != nil {
		t.Fatal(err)
	}
	isPprof(t, path)
	small := filepath.Join(dir, "small.pprof")
	if err := m.StartCPUProfile(t.Context(), small, 10); err != nil {
		t.Fatal(err)
	}
	if err := m.StopCPUProfile(t.Context()); err == nil {
		t.Error("a profile above its bound")
	}
	if names := left(t, dir); len(names) != 1 {
		t.Errorf("%q lie there", names)
	}
}

func TestCPUProfileOfThisProcess(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "cpu.core.pprof")
	if err := pprof.StartCPUProfile(new(bytes.Buffer)); err != nil {
		t.Skip("the tests are being profiled themselves")
	}
	if _, err := StartCPUProfile(path, 1<<20); !errors.Is(err, ErrCPUProfiling) {
		t.Errorf("beside another: %v", err)
	}
	pprof.StopCPUProfile()
	p, err := StartCPUProfile(path, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	p.Abandon()
	if err := p.Stop(); err == nil {
		t.Error("an abandoned profile was completed")
	}
	if names := left(t, dir); len(names) != 0 {
		t.Errorf("%q lie there", names)
	}
	if _, err := StartCPUProfile(filepath.Join(dir, "no", "folder"), 1); err == nil {
		t.Error("a profile in no folder")
	}
	if p, err = StartCPUProfile(path, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Stop(), p.Stop()); err != nil {
		t.Fatal(err)
	}
	isPprof(t, path)
	if p, err = StartCPUProfile(filepath.Join(dir, "small"), 5); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); !errors.Is(err, ErrCPUProfileTooLarge) {
		t.Errorf("above its bound: %v", err)
	}
}
