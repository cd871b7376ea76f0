//go:build !windows

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/render"
)

func (p *profileCommand) export() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "export ID --profiler NAME",
		Short: "Export a profile that has ended with another profiler, or once more",
		Long: `Export a profile that has ended with another profiler, or once more with the same.

The recording is kept with the profile, so the export has the same events as one that
was made while it recorded. A profiler's files of before are replaced when the export
has succeeded.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if name == "" {
				return usage(errors.New("name the profiler to export with: --profiler NAME"))
			}
			c, err := p.remote.client()
			if err != nil {
				return err
			}
			one, err := exportProfile(cmd.Context(), c, args[0], name)
			if err != nil {
				return failed(err)
			}
			if p.remote.json {
				return printJSON(p.io.out, one.Raw)
			}
			_, err = fmt.Fprintf(p.io.out, "profile %s: %s\n%s%s", one.ID, one.State, render.Exports(one), render.Artifacts(one))
			return failed(err)
		},
	}
	cmd.Flags().StringVar(&name, "profiler", "", "`name` of the profiler to export with")
	return cmd
}

// exportProfile exports and waits. An export that failed while this waited is an error, as one is that failed at once.
func exportProfile(ctx context.Context, c *client.Client, id, profiler string) (*client.Profile, error) {
	if id == client.Latest {
		latest, err := c.GetProfile(ctx, id)
		if err != nil {
			return nil, err
		}
		id = latest.ID
	}
	call, cancel := context.WithTimeoutCause(ctx, stopTimeout, fmt.Errorf("no answer within %s", stopTimeout))
	defer cancel()
	one, err := c.ExportProfile(call, id, profiler)
	if err != nil || one.Final() {
		return one, err
	}
	if one, err = waitProfile(ctx, c, id); err != nil {
		return nil, err
	}
	for _, e := range one.Exports {
		if e.Profiler == profiler && e.Error != "" {
			return nil, fmt.Errorf("export profile %s: %s", id, e.Error)
		}
	}
	return one, nil
}

// stopNow ends the profile that is named, or the one that has not ended, and does not wait for its export.
func (p *profileCommand) stopNow(ctx context.Context, c *client.Client, args []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stopTimeout, fmt.Errorf("no answer within %s", stopTimeout))
	defer cancel()
	id := client.Latest
	if len(args) == 1 {
		id = args[0]
	}
	if id == client.Latest {
		list, err := c.ListProfiles(ctx)
		if err != nil {
			return failed(err)
		}
		active := list.Active()
		if active == nil {
			return failed(errors.New("no profile is recording"))
		}
		id = active.ID
	}
	one, err := c.StopProfileNow(ctx, id)
	if err != nil {
		return failed(err)
	}
	if p.remote.json {
		return printJSON(p.io.out, one.Raw)
	}
	_, err = fmt.Fprintf(p.io.out, "profile %s: %s\nlook at it:  strobe profile show %s\n", one.ID, one.State, one.ID)
	return failed(err)
}
