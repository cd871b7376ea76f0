//go:build !windows

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/atomicfile"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/render"
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
