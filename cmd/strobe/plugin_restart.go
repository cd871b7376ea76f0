//go:build !windows

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

// restartTimeout is longer than a server waits for the processes of a plugin.
const restartTimeout = 70 * time.Second

func newPluginRestartCommand(io stdio) *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "restart NAME",
		Short: "End a plugin's processes in a running server and start them again",
		Long: `End the processes of a plugin and start them again, and show them when they are up.

NAME is one of "strobe plugin list --server URL". Ranks of a stage are restarted one after
the other, so that the others serve meanwhile, and each may first end its request. A plugin
that died too often and stays down is tried again. The exit status is 1 when a process did
not come up.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), restartTimeout, fmt.Errorf("no answer within %s", restartTimeout))
			defer cancel()
			list, err := c.RestartPlugin(ctx, args[0])
			if err != nil {
				return failed(err)
			}
			if err := printPlugins(io, list, r.json); err != nil {
				return err
			}
			return failed(notUp(list))
		},
	}
	r.addFlags(cmd)
	return cmd
}

// notUp is an error when a process is not up.
func notUp(list client.PluginList) error {
	for _, p := range list.Plugins {
		if p.State != "up" {
			return fmt.Errorf("plugin %s is %s: look again with `strobe plugin list --server`", p.Name, p.State)
		}
	}
	return nil
}
