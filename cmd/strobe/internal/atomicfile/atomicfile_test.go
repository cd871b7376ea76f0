package atomicfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/atomicfile"
)

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	for _, want := range []string{"first", "second"} {
		if err := atomicfile.Bytes(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != want {
			t.Errorf("%q", got)
		}
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o644 {
		t.Error(info.Mode())
	}
}

func TestFailureLeavesWhatWasThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.png")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	why := errors.New("cut off")
	err := atomicfile.Write(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return why
	})
	if !errors.Is(err, why) {
		t.Error(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("%q", got)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestNoFolder(t *testing.T) {
	if err := atomicfile.Bytes(filepath.Join(t.TempDir(), "none", "a"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestFolderInItsPlace(t *testing.T) {
	dir := t.TempDir()
	if err := atomicfile.Bytes(dir, []byte("x")); err == nil {
		t.Error("a folder was replaced")
	}
}
