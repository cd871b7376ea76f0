//go:build !windows

package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/core/config"
)

// allFindings adds to what is wrong with a file, if anything, what its plugins find in their own blocks, so that one look
// shows everything. cfg may be unsound, or nil when the file is no HCL at all; it must not be served afterwards.
func allFindings(ctx context.Context, cfg *config.Config, err error, log *slog.Logger) (config.Diagnostics, error) {
	found, err := findings(err)
	if err != nil || cfg == nil {
		return found, err
	}
	if _, err := cfg.ServedModel(); err != nil { // a finding already; the plugins of the first model are checked instead
		if len(cfg.Models) == 0 {
			return found, nil
		}
		cfg.Server.Model = cfg.Models[0].Name
	}
	more, err := findings(catalog.Validate(ctx, cfg, catalogOptions(log)))
	for _, d := range more {
		// The catalog finds some of the file's own mistakes again.
		if !slices.ContainsFunc(found, func(x config.Diagnostic) bool { return x.String() == d.String() }) {
			found = append(found, d)
		}
	}
	found.Sort()
	return found, err
}

// findings takes the findings out of an error; what is none of them is the error that stays.
func findings(err error) (config.Diagnostics, error) {
	var found config.Diagnostics
	if errors.As(err, &found) {
		return found, nil
	}
	return nil, err
}

// checkFiles looks at the files that a sound configuration names. What is only unsafe joins its warnings.
func checkFiles(cfg *config.Config) error {
	found := cfg.CheckFiles(envTokens())
	if found.HasErrors() {
		return append(found, cfg.Warnings...)
	}
	cfg.Warnings = append(cfg.Warnings, found...)
	cfg.Warnings.Sort()
	return nil
}
