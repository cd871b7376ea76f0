//go:build !windows

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/render"
	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/core/config"
)

func newPluginListCommand(io stdio) *cobra.Command {
	var path string
	var r remote
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List a server's plugins with their states, or start those of a configuration and list them",
		Long: `With --server, list the plugins of that server: state, restarts and what last went wrong.

Without it, start every plugin that the configuration names, as serve does, list them and
end them. A plugin that cannot be started or configured is an error with its place in the
file.

States: up; down, it is started again, a profiler at its next use; broken, it died too
often and stays down for a while, or until "strobe plugin restart"; dormant, a profiler
that nobody has needed yet.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			of := cmd.Flags().Changed
			if of("server") && of("config") {
				return usage(errors.New("--config and --server: give one of them"))
			}
			list, err := listPlugins(cmd.Context(), io, &r, path, of("server"))
			if err != nil {
				return err
			}
			return printPlugins(io, list, r.json)
		},
	}
	r.addFlags(cmd)
	cmd.Flag("server").Usage = "`URL` of a running server to ask, http, https or unix:///PATH"
	cmd.Flag("server").DefValue = ""
	cmd.Flags().StringVar(&path, "config", "", "configuration `file` (default: plugins.hcl in the working folder, else the built-in one)")
	return cmd
}

func listPlugins(ctx context.Context, io stdio, r *remote, path string, running bool) (client.PluginList, error) {
	if !running {
		return startedPlugins(ctx, io, path)
	}
	c, err := r.client()
	if err != nil {
		return client.PluginList{}, err
	}
	list, err := c.Plugins(ctx)
	return list, failed(err)
}

// startedPlugins are the plugins of a configuration, which are started and ended for it.
func startedPlugins(ctx context.Context, io stdio, path string) (list client.PluginList, err error) {
	cfg, err := loadConfig(path, config.Overrides{})
	if err != nil {
		return list, configError(err, io)
	}
	c, err := catalog.Load(ctx, cfg, catalogOptions(newLogger(io, false)))
	if err != nil {
		return list, configError(err, io)
	}
	if list.Raw, err = json.Marshal(map[string]any{"plugins": c.Plugins()}); err == nil {
		err = json.Unmarshal(list.Raw, &list)
	}
	return list, failed(errors.Join(err, c.Close(ctx)))
}

func printPlugins(io stdio, list client.PluginList, asJSON bool) error {
	if asJSON {
		return printJSON(io.out, list.Raw)
	}
	_, err := fmt.Fprint(io.out, render.Plugins(list.Plugins))
	return failed(err)
}
