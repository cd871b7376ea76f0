package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/strobe-dev/strobe/core/config"
)

func TestFind(t *testing.T) {
	builtIn := []byte("# built in\n")
	t.Run("built in", func(t *testing.T) {
		t.Chdir(t.TempDir())
		f, err := config.Find("", builtIn)
		if err != nil || f.Name != config.BuiltInName || string(f.Text) != string(builtIn) {
			t.Errorf("Find = %q %q, %v", f.Name, f.Text, err)
		}
	})
	t.Run("working folder", func(t *testing.T) {
		t.Chdir(t.TempDir())
		write(t, "plugins.hcl", "# here\n")
		f, err := config.Find("", builtIn)
		if err != nil || f.Name != "plugins.hcl" || string(f.Text) != "# here\n" {
			t.Errorf("Find = %q %q, %v", f.Name, f.Text, err)
		}
	})
	t.Run("flag wins", func(t *testing.T) {
		t.Chdir(t.TempDir())
		write(t, "plugins.hcl", "# here\n")
		other := filepath.Join(t.TempDir(), "other.hcl")
		write(t, other, "# other\n")
		f, err := config.Find(other, builtIn)
		if err != nil || f.Name != other || string(f.Text) != "# other\n" {
			t.Errorf("Find = %q %q, %v", f.Name, f.Text, err)
		}
	})
	t.Run("flag names nothing", func(t *testing.T) {
		if _, err := config.Find(filepath.Join(t.TempDir(), "no.hcl"), builtIn); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error %v, want one that says the file does not exist", err)
		}
	})
	t.Run("a folder in its place is no reason to fall back", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if err := os.Mkdir("plugins.hcl", 0o755); err != nil {
			t.Fatal(err)
		}
		if f, err := config.Find("", builtIn); err == nil {
			t.Errorf("Find = %q", f.Name)
		}
	})
}

func TestLoadMissing(t *testing.T) {
	if c, err := config.Load(filepath.Join(t.TempDir(), "no.hcl"), known); !errors.Is(err, fs.ErrNotExist) || c != nil {
		t.Errorf("Load = %v, %v", c, err)
	}
}

func TestHugeFileIsRefused(t *testing.T) {
	_, err := config.Parse(make([]byte, 1<<20), "x.hcl", known)
	found, ok := err.(config.Diagnostics)
	if !ok || len(found) != 1 {
		t.Fatalf("error %v, want one finding", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
