//go:build !windows

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/atomicfile"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/render"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/viewer"
)

func (p *profileCommand) download() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "download ID [NAME…]",
		Short: "Download a profile's artifacts and check their checksums",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.remote.client()
			if err != nil {
				return err
			}
			one, err := c.GetProfile(cmd.Context(), args[0])
			if err != nil {
				return failed(err)
			}
			artifacts, err := one.FindArtifacts(args[1:])
			if err != nil {
				return failed(err)
			}
			if len(artifacts) == 0 {
				return failed(fmt.Errorf("profile %s has no artifacts: it is %s", one.ID, one.State))
			}
			if dir == "" {
				dir = one.ID
			}
			if err := p.downloadAll(cmd.Context(), c, one.ID, artifacts, dir); err != nil {
				return failed(err)
			}
			if p.remote.json {
				return printJSON(p.io.out, one.Raw)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&dir, "output", "o", "", "`folder` to write to (default: one named like the profile)")
	return cmd
}

func (p *profileCommand) downloadAll(ctx context.Context, c *client.Client, id string, artifacts []client.Artifact, dir string) error {
	for _, a := range artifacts {
		file, err := localPath(dir, a.Name)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("make the folder to download to: %w", err)
		}
		err = atomicfile.Write(file, func(w io.Writer) error { return c.DownloadArtifact(ctx, id, a, w) })
		if err != nil {
			return err
		}
		if !p.remote.json {
			if _, err := fmt.Fprintf(p.io.out, "%s  %s\n", file, render.Bytes(a.Bytes)); err != nil {
				return err
			}
		}
	}
	return nil
}

// localPath is where an artifact goes. A name that would leave the folder is the server's fault and is not followed.
func localPath(dir, name string) (string, error) {
	local := filepath.FromSlash(name)
	if !filepath.IsLocal(local) || local == "." {
		return "", fmt.Errorf("the server names an artifact %q, which would be written outside of %s", name, dir)
	}
	return filepath.Join(dir, local), nil
}

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

The trace stays here: a server on loopback hands it to the page, once, and ends. No
other page can read it.`,
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
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "`time` to wait for the page to fetch the trace")
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
	dir, err := os.MkdirTemp("", "strobe-open-")
	if err != nil {
		return fmt.Errorf("make a folder for the trace: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "trace.json.gz")
	err = atomicfile.Write(file, func(w io.Writer) error { return c.DownloadArtifact(ctx, one.ID, merged, w) })
	if err != nil {
		return err
	}
	s, err := viewer.Listen(o.addr, path.Base(merged.Name), file)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := p.announce(s, o); err != nil {
		return err
	}
	if err := s.Serve(ctx, o.timeout); err != nil {
		if errors.Is(err, viewer.ErrNotFetched) {
			return fmt.Errorf("%w (%s): open the address above in a browser on this machine, or use --timeout", err, o.timeout)
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
