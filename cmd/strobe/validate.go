//go:build !windows

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/core/config"
)

func newValidateCommand(io stdio) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration without serving",
		Long: `Check the configuration, every plugin's own part of it included, without serving.

Every finding is printed with its place in the file. The exit status is 2 when there are errors.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(path, config.Overrides{})
			found, err := findings(err)
			if cfg != nil && err == nil && serves(cfg) {
				// The file's own findings do not hide those of the plugins: both are shown.
				var more config.Diagnostics
				more, err = findings(catalog.Validate(cmd.Context(), cfg, catalogOptions(newLogger(io, false))))
				found = append(found, more...)
			}
			if err != nil {
				return &exitError{code: 1, err: err}
			}
			if found.HasErrors() {
				found.Sort()
				return configError(found, io)
			}
			if err := cfg.Warnings.Render(io.err); err != nil {
				return err
			}
			_, err = fmt.Fprintf(io.out, "%s is valid: model %q, profilers %q\n", cfg.File, cfg.Server.Model, cfg.Server.Profilers)
			return err
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "configuration `file` (default: plugins.hcl in the working folder, else the built-in one)")
	return cmd
}

// findings takes the findings out of an error; what is none of them is the error that stays.
func findings(err error) (config.Diagnostics, error) {
	var found config.Diagnostics
	if errors.As(err, &found) {
		return found, nil
	}
	return nil, err
}

// serves reports whether the served model is there; when it is not, that is already a finding.
func serves(cfg *config.Config) bool {
	_, err := cfg.ServedModel()
	return err == nil
}
