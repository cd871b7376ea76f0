//go:build !windows

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/render"
	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/core/config"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/recording/summary"
)

func newRecordingRecoverCommand(io stdio) *cobra.Command {
	var (
		path      string
		profilers []string
		asJSON    bool
	)
	cmd := &cobra.Command{
		Use:   "recover DIR",
		Short: "Finish a profile whose server was killed",
		Long: `Finish a profile whose server was killed: export what had been recorded, and say what happened.

A server does this itself when it starts; by hand it needs none. DIR is the profile's directory or the recording
folder in it. Without --profiler the profilers that the profile names export it, else chrome. A profile that is
finished already is shown as it is.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := loadConfig(path, config.Overrides{})
			if err != nil {
				return configError(err, io)
			}
			v, table, err := recoverFolder(cmd.Context(), io, cfg, args[0], profilers)
			if err != nil {
				return err
			}
			return printRecovered(io.out, v, table, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&path, "config", "", "configuration `file` that declares the profilers (default: plugins.hcl in the working folder, else the built-in one)")
	f.StringArrayVar(&profilers, "profiler", nil, "`name` of a profiler to export with, may be repeated")
	f.BoolVar(&asJSON, "json", false, "print JSON, for programs")
	return cmd
}

// recoverFolder starts the profilers that are needed, and no other plugin.
func recoverFolder(ctx context.Context, std stdio, cfg *config.Config, dir string, names []string) (v profile.View, t summary.Table, err error) {
	o := catalogOptions(newLogger(stdio{out: std.out, err: io.Discard}, false))
	o.OnlyProfilers = []string{}
	for _, p := range cfg.Profilers {
		o.OnlyProfilers = append(o.OnlyProfilers, p.Name)
	}
	c, err := catalog.Load(ctx, cfg, o)
	if err != nil {
		return v, t, configError(err, std)
	}
	defer func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if cerr := c.Close(bounded); err == nil && cerr != nil {
			err = failed(cerr)
		}
	}()
	for _, name := range names {
		if _, err := c.Profiler(name); err != nil {
			return v, t, usage(err)
		}
	}
	v, t, err = profile.RecoverFolder(ctx, profile.FolderRecovery{
		Dir: dir, Profilers: names, Default: "chrome", MaxBytes: cfg.Profile.MaxBytes, Log: o.Log,
		Exporter: func(name string) (profile.Exporter, error) { return c.Profiler(name) }, // somebody waits
	})
	return v, t, failed(err)
}

// printRecovered shows the result as profile stop does: the table, what happened, and the files.
func printRecovered(w io.Writer, v profile.View, t summary.Table, asJSON bool) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return failed(err)
	}
	if asJSON {
		err = printJSON(w, raw)
	} else {
		err = printResult(w, v.Dir, t, raw)
	}
	if err == nil && v.State == profile.StateFailed {
		return &exitError{code: 1} // why was shown
	}
	return failed(err)
}

func printResult(w io.Writer, dir string, t summary.Table, raw []byte) error {
	var shown client.Profile
	if err := json.Unmarshal(raw, &shown); err != nil {
		return err
	}
	if _, err := fmt.Fprint(w, render.Head(&shown), t.Text(render.Width), render.Findings(&shown)); err != nil {
		return err
	}
	for _, artifact := range shown.Artifacts {
		if _, err := fmt.Fprintf(w, "%s  %s\n", filepath.Join(dir, filepath.FromSlash(artifact.Path)), render.Bytes(artifact.Bytes)); err != nil {
			return err
		}
	}
	return nil
}
