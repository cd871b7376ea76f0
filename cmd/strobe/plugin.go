//go:build !windows

package main

import "github.com/spf13/cobra"

func newPluginCommand(io stdio) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "plugin",
		Short: "Look at plugins, write one, check one, restart one",
	})
	cmd.AddCommand(newPluginListCommand(io), newPluginNewCommand(io), newPluginCheckCommand(io), newPluginHoldCommand(), newPluginDocsCommand(io), newPluginRestartCommand(io))
	return cmd
}
