//go:build !windows

package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/render"
)

func (p *profileCommand) start() *cobra.Command {
	var o profileOptions
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Start a profile",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, started, err := p.begin(cmd.Context(), &o)
			if err != nil {
				return err
			}
			if p.remote.json {
				return printJSON(p.io.out, started.Raw)
			}
			_, err = fmt.Fprintf(p.io.out, "%sstop it:  strobe profile stop\n", begun(started))
			return failed(err)
		},
	}
	o.addFlags(cmd.Flags(), "")
	return cmd
}

func (p *profileCommand) run() *cobra.Command {
	var o profileOptions
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Start a profile, wait for its end and print its table",
		Long: `Start a profile, wait for its end and print where the time went.

It ends as its flags say, at the server's profile.max_duration, or when this command is interrupted.`,
		Example: `  strobe profile run --num-requests 3
  strobe profile run --duration 10s --activities step,operator,pprof`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			c, started, err := p.begin(ctx, &o)
			if err != nil {
				return err
			}
			_, _ = fmt.Fprint(p.io.err, begun(started)) // the result is what counts
			ended, err := c.WaitProfile(ctx, started.ID, exportPoll)
			if ctx.Err() != nil {
				ended, err = stopProfile(ctx, c, started.ID)
			}
			if err != nil {
				return failed(err)
			}
			if p.remote.json {
				if err := printJSON(p.io.out, ended.Raw); err != nil {
					return err
				}
				return failed(profileFailure(ended))
			}
			return report(ctx, p.io.out, c, ended)
		},
	}
	o.addFlags(cmd.Flags(), "")
	return cmd
}

// begin starts a profile.
func (p *profileCommand) begin(ctx context.Context, o *profileOptions) (*client.Client, *client.Profile, error) {
	in, err := o.request()
	if err != nil {
		return nil, nil, usage(err)
	}
	c, err := p.remote.client()
	if err != nil {
		return nil, nil, err
	}
	started, err := startProfile(ctx, c, in)
	return c, started, failed(err)
}

// begun says that a profile has begun, and what it will lack.
func begun(p *client.Profile) string {
	return fmt.Sprintf("profile %s: %s%s\n", p.ID, p.State, waitsFor(p)) + render.Findings(p)
}

// waitsFor says what a profile waits for before it records.
func waitsFor(p *client.Profile) string {
	w := p.Waiting
	switch {
	case w == nil:
		return ""
	case w.Until != nil && w.Steps > 0:
		return fmt.Sprintf(", records %d denoise steps after %s", w.Steps, w.Until.Local().Format("15:04:05"))
	case w.Until != nil:
		return ", records from " + w.Until.Local().Format("15:04:05") + " on"
	}
	return fmt.Sprintf(", records after %d denoise steps", w.Steps)
}
