//go:build !windows

package main

import "github.com/spf13/cobra"

func newPluginCommand(io stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plugin",
		Short: "Look at plugins, write one, check one, restart one",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newPluginListCommand(io), newPluginNewCommand(io), newPluginCheckCommand(io), newPluginHoldCommand(), newPluginDocsCommand(io), newPluginRestartCommand(io))
	return cmd
}
