package config_test

import (
	"os"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/core/config"
	"github.com/strobe-dev/strobe/sdk/diag"
)

func loadFull(t *testing.T) *config.Config {
	t.Helper()
	c, err := config.Load("testdata/full.hcl", known)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRange(t *testing.T) {
	src, err := os.ReadFile("testdata/full.hcl")
	if err != nil {
		t.Fatal(err)
	}
	c := loadFull(t)
	stage := c.Models[1].Stages[0]
	for name, tc := range map[string]struct {
		origin config.Origin
		path   diag.Path
		text   string // what the range covers
		has    bool
	}{
		"block":                    {stage.Origin, nil, `stage "first"`, false},
		"key":                      {stage.Origin, diag.Path{"replicas"}, `replicas = 2`, true},
		"config block":             {stage.Config.Origin, nil, `config`, false},
		"key in config":            {stage.Config.Origin, diag.Path{"part"}, `part   = 0.25`, true},
		"null":                     {stage.Config.Origin, diag.Path{"none"}, `none   = null`, true},
		"list item":                {stage.Config.Origin, diag.Path{"list", "1"}, `"two"`, true},
		"item of a list in a list": {stage.Config.Origin, diag.Path{"list", "2", "0"}, `false`, true},
		"key of an object":         {stage.Config.Origin, diag.Path{"object", "a", "b c"}, `"b c" = 1`, true},
		"object in a list":         {stage.Config.Origin, diag.Path{"list", "3", "three"}, `three = 3`, true},
		"nested block":             {stage.Config.Origin, diag.Path{"tls"}, `tls`, true},
		"key of a nested block":    {stage.Config.Origin, diag.Path{"tls", "ca_file"}, `ca_file = "ca.pem"`, true},
		"deeper block":             {stage.Config.Origin, diag.Path{"tls", "deep", "deeper"}, `deeper = 1`, true},
		"absent key":               {stage.Config.Origin, diag.Path{"endpoint"}, `config`, false},
		"absent in a nested block": {stage.Config.Origin, diag.Path{"tls", "key_file"}, `tls`, false},
		"no config block":          {c.Models[1].Stages[1].Config.Origin, diag.Path{"x"}, `stage "second"`, false},
		"plugin block":             {c.Plugins[0].Origin, diag.Path{"command", "1"}, `"--flag"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(tc.origin.Range(tc.path).SliceBytes(src)); got != tc.text {
				t.Errorf("Range(%q) covers %q, want %q", tc.path, got, tc.text)
			}
			if got := tc.origin.Has(tc.path); got != tc.has {
				t.Errorf("Has(%q) = %t", tc.path, got)
			}
		})
	}
}

// What a plugin finds about its block is shown like what config finds.
func TestLocate(t *testing.T) {
	c := loadFull(t)
	var list diag.List
	list.Errorf(diag.Path{"tls", "ca_file"}, "no such file")
	list.Errorf(diag.Path{"tls", "key_file"}, "is required")
	list.Warnf(diag.Path{"object", "a"}, "is deprecated")
	list.Errorf(nil, "no such device")
	list = append(list, diag.Diagnostic{Severity: diag.Error, Summary: `unknown key "part"`, Detail: `did you mean "parts"?`, Path: diag.Path{"part"}})
	found := c.Models[1].Stages[0].Config.Locate(list)
	found = append(found, c.Models[1].Stages[1].Config.Locate(diag.List{{Severity: diag.Error, Summary: "is required", Path: diag.Path{"endpoint"}}})...)
	found = append(found, c.Plugins[0].Errorf(diag.Path{"sha256"}, "the checksum of %s is another", "bin/mine"))
	found.Sort()
	golden(t, "testdata/located.txt", render(t, found))
}

// A configuration made in code has no file, and its findings say where they belong in words.
func TestLocateWithoutFile(t *testing.T) {
	var list diag.List
	list.Errorf(diag.Path{"endpoint"}, "is required")
	var s config.Stage
	found := s.Config.Locate(list)
	if got, want := render(t, found), "error: endpoint: is required\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if r := s.Range(diag.Path{"x"}); !r.Empty() {
		t.Errorf("range %v of a block without file", r)
	}
}

func TestErrorIsEveryFindingOnALine(t *testing.T) {
	_, err := config.Load("testdata/findings/unknown.hcl", known)
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(err.(config.Diagnostics)) {
		t.Errorf("%d lines for %d findings", len(lines), len(err.(config.Diagnostics)))
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "testdata/findings/unknown.hcl:") {
			t.Errorf("line %q has no place", line)
		}
	}
}
