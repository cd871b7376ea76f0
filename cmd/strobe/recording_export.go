//go:build !windows

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/render"
	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/core/config"
	"github.com/strobe-dev/strobe/core/profile"
)

// folderExport are the flags of recording export.
type folderExport struct {
	config, profiler, out string
	json                  bool
}

func newRecordingExportCommand(io stdio) *cobra.Command {
	var e folderExport
	cmd := &cobra.Command{
		Use:   "export --profiler NAME DIR",
		Short: "Export a recording with a profiler",
		Long: `Export a recording with a profiler of the configuration, without a server.

DIR is a profile's directory, or a folder of *.seg files. Nothing in it is changed. The files
have the same events as those of an export that was made while it recorded.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if e.profiler == "" {
				return usage(errors.New("name the profiler to export with: --profiler NAME"))
			}
			return e.run(cmd.Context(), io, args[0])
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.config, "config", "", "configuration `file` that declares the profiler (default: plugins.hcl in the working folder, else the built-in one)")
	f.StringVar(&e.profiler, "profiler", "", "`name` of the profiler to export with")
	f.StringVarP(&e.out, "output", "o", "", "`folder` to write to (default: one named like the profile)")
	f.BoolVar(&e.json, "json", false, "print JSON, for programs")
	return cmd
}

func (e *folderExport) run(ctx context.Context, io stdio, dir string) error {
	log := newLogger(io, false)
	cfg, err := loadConfig(e.config, config.Overrides{})
	if err != nil {
		return configError(err, io)
	}
	if _, err := cfg.Profiler(e.profiler); err != nil {
		return usage(err)
	}
	o := catalogOptions(log)
	o.OnlyProfilers = []string{e.profiler}
	c, err := catalog.Load(ctx, cfg, o)
	if err != nil {
		return configError(err, io)
	}
	exporting := e.export(ctx, io, c, dir, log)
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
	defer cancel()
	return failed(errors.Join(exporting, c.Close(bounded)))
}

func (e *folderExport) export(ctx context.Context, io stdio, c *catalog.Catalog, dir string, log *slog.Logger) error {
	x, err := c.Profiler(e.profiler)
	if err != nil {
		return err
	}
	if e.out == "" {
		if e.out, err = folderName(dir); err != nil {
			return err
		}
	}
	began := time.Now()
	artifacts, reply, err := profile.ExportFolder(ctx, profile.FolderExport{Dir: dir, Out: e.out, Exporter: x, Log: log})
	if err != nil {
		return fmt.Errorf("export %s: %w", dir, err)
	}
	if e.json {
		return json.NewEncoder(io.out).Encode(map[string]any{
			"output": e.out, "events": reply.Table.Events, "artifacts": artifacts, "warnings": append([]string{}, reply.Warnings...)})
	}
	for _, a := range artifacts {
		if _, err := fmt.Fprintf(io.out, "%s  %s\n", filepath.Join(e.out, filepath.FromSlash(a.Path)), render.Bytes(a.Bytes)); err != nil {
			return err
		}
	}
	for _, w := range reply.Warnings {
		if _, err := fmt.Fprintln(io.err, "warning:", w); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(io.out, "%d events in %.1f s\n", reply.Table.Events, time.Since(began).Seconds())
	return err
}

// folderName is what an export of dir is called: its own name, or that of the profile whose recording it is.
func folderName(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if filepath.Base(abs) == "recording" {
		abs = filepath.Dir(abs)
	}
	name := filepath.Base(abs)
	if here, err := filepath.Abs(name); err == nil && here == abs { // not into the profile itself
		name += "-export"
	}
	return name, nil
}
