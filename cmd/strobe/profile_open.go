//go:build !windows

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/viewer"
)

// openOptions of profile open.
type openOptions struct {
	noBrowser bool
	timeout   time.Duration
	addr      string // where the page fetches from; only a test uses another
}

func (p *profileCommand) open() *cobra.Command {
	var o openOptions
	cmd := &cobra.Command{
		Use:   "open ID",
		Short: "Open a profile's trace in ui.perfetto.dev",
		Long: `Open a profile's merged trace in ui.perfetto.dev, in the browser of this machine.

The trace stays here: a server on loopback hands it to the page, once, and ends. The
link has a ticket that the server gave for this one file, for a minute, so nobody else
on this machine can fetch it, and no token is in it. No other page can read it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.remote.client()
			if err != nil {
				return err
			}
			return failed(p.openOne(cmd.Context(), c, args[0], o))
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.noBrowser, "no-browser", false, "print the address and open nothing")
	f.DurationVar(&o.timeout, "timeout", time.Minute, "`time` to wait for the page to fetch the trace; the server's ticket lasts a minute")
	f.StringVar(&o.addr, "addr", viewer.Addr, "`address` to serve on; ui.perfetto.dev fetches from no other")
	_ = f.MarkHidden("addr") // the flag exists
	return cmd
}

func (p *profileCommand) openOne(ctx context.Context, c *client.Client, id string, o openOptions) error {
	one, err := c.GetProfile(ctx, id)
	if err != nil {
		return err
	}
	merged, ok := one.Merged()
	if !ok {
		return fmt.Errorf("profile %s, which is %s, has no merged trace to open: the profiler chrome makes it", one.ID, one.State)
	}
	ticket, err := c.CreateTicket(ctx, one.ID, merged.Name)
	if err != nil {
		return err
	}
	s, err := viewer.Listen(o.addr, path.Base(merged.Name), ticket.Secret(),
		func(ctx context.Context) (io.ReadCloser, int64, error) { return c.OpenTicket(ctx, ticket) })
	if err != nil {
		return err
	}
	defer s.Close()
	if err := p.announce(s, o); err != nil {
		return err
	}
	if err := s.Serve(ctx, o.timeout); err != nil {
		if errors.Is(err, viewer.ErrNotFetched) {
			return fmt.Errorf("%w (%s): run this again and open the address in a browser on this machine", err, o.timeout)
		}
		return err
	}
	_, err = fmt.Fprintln(p.io.out, "the page has the trace")
	return err
}

// announce prints the page's address and opens it. A browser that does not open is no failure: the address is there.
func (p *profileCommand) announce(s *viewer.Server, o openOptions) error {
	if _, err := fmt.Fprintln(p.io.out, s.PageURL()); err != nil {
		return err
	}
	if o.noBrowser {
		return nil
	}
	if err := viewer.OpenBrowser(s.PageURL()); err != nil {
		_, err := fmt.Fprintf(p.io.err, "open the address above in a browser on this machine (%s)\n", err)
		return err
	}
	return nil
}
