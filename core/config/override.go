package config

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/strobe-dev/strobe/internal/words"
	"github.com/strobe-dev/strobe/sdk/diag"
)

// Overrides are what the command line says instead of the file. Empty fields change nothing.
type Overrides struct {
	Listen     string
	Model      string
	Profilers  []string // nil: as in the file; ["none"]: profiling is off
	ProfileDir string   // relative to the working folder
}

// Override applies the command line's words. An error is [Diagnostics] with every finding, and the flag's name in each;
// c is then as it was.
func (c *Config) Override(o Overrides) error {
	next, found := *c, Diagnostics(nil)
	bad := func(flag, detail, format string, args ...any) {
		found = append(found, Diagnostic{Severity: diag.Error, Block: flag, Summary: fmt.Sprintf(format, args...), Detail: detail})
	}
	if o.Listen != "" {
		next.Server.Listen = o.Listen
		if why := badListen(o.Listen); why != "" {
			bad("--listen", `such as 127.0.0.1:8091, or :8091 for every interface`, "%q %s", o.Listen, why)
		}
	}
	if o.Model != "" {
		next.Server.Model = o.Model
		if names := modelNames(c.Models); !slices.Contains(names, o.Model) {
			bad("--model", words.Hint(o.Model, "declared", names), "no model %q is declared", o.Model)
		}
	}
	if o.Profilers != nil {
		next.Server.Profilers = slices.Clone(o.Profilers)
		if slices.Equal(o.Profilers, []string{"none"}) {
			next.Server.Profilers = []string{}
		}
		declared := profilerNames(c.Profilers)
		for i, name := range next.Server.Profilers {
			switch {
			case name == "none":
				bad("--profiler", "", "none stands alone")
			case !slices.Contains(declared, name):
				bad("--profiler", words.Hint(name, "declared", declared), "no profiler %q is declared", name)
			case slices.Contains(next.Server.Profilers[:i], name):
				bad("--profiler", "", "profiler %q is given twice", name)
			}
		}
	}
	if o.ProfileDir != "" {
		dir, err := filepath.Abs(o.ProfileDir)
		if err != nil {
			bad("--profile-dir", "", "find the folder %q: %v", o.ProfileDir, err)
		}
		next.Profile.Dir = dir
	}
	found = append(found, next.budget()...)
	found = append(found, next.flightBudget()...)
	if err := found.Err(); err != nil {
		return err
	}
	if o.Profilers != nil {
		next.warnFlight()
	}
	*c = next
	return nil
}
