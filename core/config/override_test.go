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

// The flight recorder is off where profiling is, and whoever asked for both is told.
func TestOverrideFlight(t *testing.T) {
	for _, tt := range []struct {
		name, server string
		profilers    []string
		warnings     int
	}{
		{name: "on"},
		{name: "off by the command line", profilers: []string{"none"}, warnings: 1},
		{name: "off by the file", server: "profilers = []", warnings: 1},
		{name: "off by both", server: "profilers = []", profilers: []string{"none"}, warnings: 1},
		{name: "on again", server: "profilers = []", profilers: []string{"chrome"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := "server {\n" + tt.server + "\n}\nflight_recorder {\n}\nmodel \"m\" {\n stage \"dit\" {\n }\n}\nprofiler \"chrome\" {\n}\n"
			c, err := config.Parse([]byte(src), "plugins.hcl", known)
			if err == nil {
				err = c.Override(config.Overrides{Profilers: tt.profilers})
			}
			if err != nil || len(c.Warnings) != tt.warnings {
				t.Errorf("%v, %v", c.Warnings, err)
			}
		})
	}
}
