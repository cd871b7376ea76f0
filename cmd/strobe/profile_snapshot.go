//go:build !windows

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

func (p *profileCommand) snapshot() *cobra.Command {
	var in client.SnapshotRequest
	var last time.Duration
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Make a profile of the last seconds and print its table",
		Long: `Make a profile of the last seconds, without having started one, and print where the
time went. Nothing is stopped.

The server remembers the last seconds when its configuration has a flight_recorder
block. While a profile is recording there is nothing else to look at: stop that one.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if last < 0 {
				return usage(errors.New("--last must be above 0"))
			}
			in.LastS, in.Wait = last.Seconds(), true
			c, err := p.remote.client()
			if err != nil {
				return err
			}
			made, err := snapshotProfile(cmd.Context(), c, in)
			if err != nil {
				return failed(err)
			}
			if p.remote.json {
				if err := printJSON(p.io.out, made.Raw); err != nil {
					return err
				}
				return failed(profileFailure(made))
			}
			return report(cmd.Context(), p.io.out, c, made)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&last, "last", 0, "how far back, such as 10s (default: all that the server remembers)")
	f.StringVar(&in.Label, "label", "", "free `text` to find the profile by")
	f.StringArrayVar(&in.Profilers, "profiler", nil, "`name` of a profiler to export with, may be repeated (default: the server's)")
	return cmd
}

// snapshotProfile makes a snapshot and waits for its export.
func snapshotProfile(ctx context.Context, c *client.Client, in client.SnapshotRequest) (*client.Profile, error) {
	call, cancel := context.WithTimeoutCause(ctx, stopTimeout, fmt.Errorf("no answer within %s", stopTimeout))
	defer cancel()
	made, err := c.SnapshotProfile(call, in)
	if err != nil || made.Final() {
		return made, err
	}
	return waitProfile(ctx, c, made.ID)
}
