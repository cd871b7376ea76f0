//go:build !windows

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/core/config"
)

func newPluginCommand(io stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plugin",
		Short: "Look at plugins, write one, check one",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newPluginListCommand(io), newPluginNewCommand(io), newPluginCheckCommand(io), newPluginHoldCommand(), newPluginDocsCommand(io))
	return cmd
}

func newPluginListCommand(io stdio) *cobra.Command {
	var (
		path   string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Start the plugins that the configuration names, and list them",
		Long: `Start every plugin that the configuration names, as serve does, list them and end them.

A plugin that cannot be started or configured is an error with its place in the file.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(path, config.Overrides{})
			if err != nil {
				return configError(err, io)
			}
			c, err := catalog.Load(cmd.Context(), cfg, catalogOptions(newLogger(io, false)))
			if err != nil {
				return configError(err, io)
			}
			plugins := c.Plugins()
			if err := c.Close(cmd.Context()); err != nil {
				return &exitError{code: 1, err: err}
			}
			if asJSON {
				return json.NewEncoder(io.out).Encode(map[string]any{"plugins": plugins})
			}
			return printPlugins(io, plugins)
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "configuration `file` (default: plugins.hcl in the working folder, else the built-in one)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	return cmd
}

func printPlugins(io stdio, plugins []catalog.PluginInfo) error {
	w := tabwriter.NewWriter(io.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tKIND\tVERSION\tAPI\tORIGIN\tCHECKSUM\tSTAGE")
	for _, p := range plugins {
		stage := "-"
		if p.Rank != nil {
			stage = fmt.Sprintf("%s rank %d", p.Stage, *p.Rank)
		}
		api := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(p.APIVersions)), ","), "[]")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, p.Kind, p.Version, api, p.Origin, p.Checksum, stage)
	}
	return w.Flush()
}
