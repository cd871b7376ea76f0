//go:build !windows

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/core/config"
)

func newValidateCommand(io stdio) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration without serving",
		Long: `Check the configuration, every plugin's own part of it included, without serving.

The files that it names are looked at, too: tokens, certificates, programs without a
checksum. Every finding is printed with its place in the file. The exit status is 2 when there are errors.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(path, config.Overrides{})
			if err == nil {
				err = checkFiles(cfg)
			}
			found, err := allFindings(cmd.Context(), cfg, err, newLogger(io, false))
			if err != nil {
				return &exitError{code: 1, err: err}
			}
			if found.HasErrors() {
				return configError(found, io)
			}
			if err := cfg.Warnings.Render(io.err); err != nil {
				return err
			}
			_, err = fmt.Fprintf(io.out, "%s is valid: model %q, profilers %q\nprofiles take on disk: %s\n",
				cfg.File, cfg.Server.Model, cfg.Server.Profilers, cfg.DiskBound())
			return err
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "configuration `file` (default: plugins.hcl in the working folder, else the built-in one)")
	return cmd
}
