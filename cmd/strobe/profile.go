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

// profileCommand is what the subcommands of `strobe profile` share.
type profileCommand struct {
	io     stdio
	remote remote
}

func newProfileCommand(io stdio) *cobra.Command {
	p := &profileCommand{io: io}
	cmd := group(&cobra.Command{
		Use:   "profile",
		Short: "Profile a running server",
		Long: `Profile a running server: start recording, stop, look at the table and the trace.

Where an ID is asked for, latest is the newest profile; delete alone wants the ID itself.`,
	})
	cmd.AddCommand(p.run())
	p.remote.addFlags(cmd)
	cmd.AddCommand(p.start(), p.stop(), p.snapshot(), p.status(), p.watch(), p.list(), p.label(), p.pin(), p.unpin(), p.show(), p.open(), p.download(), p.delete(), p.export())
	return cmd
}

func (p *profileCommand) stop() *cobra.Command {
	var noWait bool
	cmd := &cobra.Command{
		Use:   "stop [ID]",
		Short: "Stop a profile and print its table",
		Long: `Stop a profile, by default the one that is recording, and print where the time went.

A profile that ended by itself is printed too, once.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.remote.client()
			if err != nil {
				return err
			}
			if noWait {
				return p.stopNow(cmd.Context(), c, args)
			}
			stopped, err := stopOne(cmd.Context(), c, args)
			if err != nil {
				return failed(err)
			}
			if p.remote.json {
				if err := printJSON(p.io.out, stopped.Raw); err != nil {
					return err
				}
				return failed(profileFailure(stopped))
			}
			return report(cmd.Context(), p.io.out, c, stopped)
		},
	}
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "return at once; the export goes on, and show tells how far it is")
	return cmd
}

// stopOne stops the profile that is named, or the one that has not ended, or collects the one that ended by itself.
func stopOne(ctx context.Context, c *client.Client, args []string) (*client.Profile, error) {
	if len(args) == 1 && args[0] != client.Latest {
		return stopProfile(ctx, c, args[0])
	}
	list, err := c.ListProfiles(ctx)
	if err != nil {
		return nil, err
	}
	if active := list.Active(); active != nil {
		return stopProfile(ctx, c, active.ID)
	}
	if len(args) == 1 {
		return c.GetProfile(ctx, client.Latest)
	}
	return c.CollectProfile(ctx)
}

func (p *profileCommand) status() *cobra.Command {
	return &cobra.Command{
		Use:   "status [ID]",
		Short: "Say whether a profile is recording, or how the one with an ID stands",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.remote.client()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return p.statusOf(cmd.Context(), c, args[0])
			}
			list, err := c.ListProfiles(cmd.Context())
			if err != nil {
				return failed(err)
			}
			active := list.Active()
			switch {
			case p.remote.json && active == nil:
				return printJSON(p.io.out, []byte("null"))
			case p.remote.json:
				return printJSON(p.io.out, active.Raw)
			case active != nil:
				_, err = fmt.Fprint(p.io.out, render.Head(active))
			case len(list.Profiles) > 0:
				_, err = fmt.Fprint(p.io.out, "no profile is recording; the last one:\n", render.Head(&list.Profiles[0]))
			default:
				_, err = fmt.Fprintln(p.io.out, "no profile is recording")
			}
			return failed(err)
		},
	}
}

// statusOf says how a profile stands.
func (p *profileCommand) statusOf(ctx context.Context, c *client.Client, id string) error {
	one, err := c.GetProfile(ctx, id)
	if err != nil {
		return failed(err)
	}
	if p.remote.json {
		return printJSON(p.io.out, one.Raw)
	}
	_, err = fmt.Fprint(p.io.out, render.Head(one))
	return failed(err)
}

func (p *profileCommand) show() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show a profile: its table, processes and artifacts",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.remote.client()
			if err != nil {
				return err
			}
			one, err := c.GetProfile(cmd.Context(), args[0])
			if err != nil {
				return failed(err)
			}
			if p.remote.json {
				return printJSON(p.io.out, one.Raw)
			}
			if !one.Final() {
				_, err := fmt.Fprint(p.io.out, render.Head(one), "\n", render.Processes(one))
				return failed(err)
			}
			if _, err := fmt.Fprint(p.io.out, render.Processes(one), render.Exports(one), "\n"); err != nil {
				return failed(err)
			}
			if err := report(cmd.Context(), p.io.out, c, one); err != nil && !one.Failed() {
				return err
			}
			return nil // that the profile failed was shown; showing it did not fail
		},
	}
}

func (p *profileCommand) delete() *cobra.Command {
	return &cobra.Command{
		Use:   "delete ID…",
		Short: "Delete profiles and their files on the server",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.remote.client()
			if err != nil {
				return err
			}
			var all []error
			for _, id := range args {
				if err := p.deleteOne(cmd.Context(), c, id); err != nil {
					all = append(all, err)
				}
			}
			return failed(errors.Join(all...))
		},
	}
}

// deleteOne does not take latest: what is deleted must be named.
func (p *profileCommand) deleteOne(ctx context.Context, c *client.Client, id string) error {
	if id == client.Latest {
		return errors.New("delete profile latest: delete wants the ID itself; `strobe profile list` shows it")
	}
	raw, err := c.DeleteProfile(ctx, id)
	if err != nil {
		return fmt.Errorf("delete profile %s: %w", id, err)
	}
	if p.remote.json {
		return printJSON(p.io.out, raw)
	}
	_, err = fmt.Fprintln(p.io.out, "deleted", id)
	return err
}
