//go:build !windows

package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/render"
)

func (p *profileCommand) watch() *cobra.Command {
	return &cobra.Command{
		Use:   "watch [ID]",
		Short: "Watch a profile until it has ended",
		Long: `Print a profile's figures whenever they change, at most twice a second, until it has
ended. Without an ID it is the one that records, else the newest.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.remote.client()
			if err != nil {
				return err
			}
			id, err := watched(cmd.Context(), c, args)
			if err != nil {
				return failed(err)
			}
			var last client.Progress
			err = c.WatchProfile(cmd.Context(), id, func(now client.Progress) error {
				last = now
				if p.remote.json {
					return printJSON(p.io.out, now.Raw)
				}
				_, err := fmt.Fprint(p.io.out, render.Progress(now))
				return err
			})
			if err == nil && last.State == client.StateFailed {
				err = fmt.Errorf("profile %s failed: %s", id, client.Printable(last.Error))
			}
			return failed(err)
		},
	}
}

// watched is the id of the profile that is named, or of the one that has not ended, or of the newest.
func watched(ctx context.Context, c *client.Client, args []string) (string, error) {
	if len(args) == 1 && args[0] != client.Latest {
		return args[0], nil
	}
	list, err := c.ListProfiles(ctx)
	switch {
	case err != nil:
		return "", err
	case len(list.Profiles) == 0:
		return "", client.ErrNoProfile
	}
	if active := list.Active(); active != nil && len(args) == 0 {
		return active.ID, nil
	}
	return list.Profiles[0].ID, nil
}
