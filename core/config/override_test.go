package config_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/config"
)

func TestOverride(t *testing.T) {
	c := loadFull(t)
	err := c.Override(config.Overrides{Listen: ":9000", Model: "a", Profilers: []string{"chrome"}, ProfileDir: "out"})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.Server.Listen, c.Server.Model, c.Server.Profilers, c.Profile.Dir}
	want := []any{":9000", "a", []string{"chrome"}, filepath.Join(here(t), "out")}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestOverrideNothing(t *testing.T) {
	c, before := loadFull(t), loadFull(t)
	if err := c.Override(config.Overrides{}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, c, ignoreOrigins); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestOverrideNoneTurnsProfilingOff(t *testing.T) {
	c := loadFull(t)
	if err := c.Override(config.Overrides{Profilers: []string{"none"}}); err != nil {
		t.Fatal(err)
	}
	if len(c.Server.Profilers) != 0 {
		t.Errorf("profilers %q", c.Server.Profilers)
	}
}

func TestOverrideFindings(t *testing.T) {
	c, before := loadFull(t), loadFull(t)
	err := c.Override(config.Overrides{Listen: "nowhere", Model: "c", Profilers: []string{"none", "chrom", "mine", "mine"}})
	found, ok := err.(config.Diagnostics)
	if !ok {
		t.Fatalf("error %v, want findings", err)
	}
	golden(t, "testdata/override.txt", render(t, found))
	if d := cmp.Diff(before, c, ignoreOrigins); d != "" {
		t.Errorf("a refused override changed the configuration:\n%s", d)
	}
}

func TestNotDeclared(t *testing.T) {
	c := loadFull(t)
	_, err := c.Profiler("min")
	found, ok := err.(config.Diagnostics)
	if !ok {
		t.Fatalf("error %v, want findings", err)
	}
	if got, want := render(t, found), "error: profiler: no profiler \"min\" is declared\n  did you mean \"mine\"?\n  declared: chrome, mine\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
