//go:build !windows

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe"
	"github.com/strobe-dev/strobe/core/config"
)

// foreignProfileDirs are the variables by which other servers choose where profiles go. A client never chooses here.
var foreignProfileDirs = []string{"VLLM_TORCH_PROFILER_DIR", "SGLANG_TORCH_PROFILER_DIR"}

func newServeCommand(io stdio) *cobra.Command {
	var (
		path     string
		override config.Overrides
		verbose  bool
	)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a model, ready to be profiled",
		Long: `Serve the model that plugins.hcl names, ready to be profiled at any moment.

When it is ready it prints to standard output: listening on http://HOST:PORT, and with a
block server.admin in plugins.hcl a second line: admin on http://HOST:PORT or unix:///PATH.
Tokens come from files that plugins.hcl names, or by STROBE_CONTROL_TOKEN, STROBE_READ_TOKEN
and STROBE_API_KEY. The log goes to standard error. SIGINT and SIGTERM finish a running profile, answer the
requests in flight and leave no process behind.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), io, path, override, newLogger(io, verbose))
		},
	}
	f := cmd.Flags()
	f.StringVar(&path, "config", "", "configuration `file` (default: plugins.hcl in the working folder, else the built-in one)")
	f.StringVar(&override.Listen, "listen", "", "`address` to listen on, as host:port; port 0 takes a free one")
	f.StringVar(&override.Model, "model", "", "`name` of the model block to serve")
	f.StringArrayVar(&override.Profilers, "profiler", nil, "`name` of a profiler to use, may be repeated; none turns profiling off")
	f.StringVar(&override.ProfileDir, "profile-dir", "", "`folder` where profiles are kept")
	f.BoolVarP(&verbose, "verbose", "v", false, "log at debug level")
	return cmd
}

func serve(ctx context.Context, io stdio, path string, override config.Overrides, log *slog.Logger) error {
	cfg, err := loadConfig(path, override)
	if err == nil {
		err = checkFiles(cfg)
	}
	if err != nil {
		found, err := allFindings(ctx, cfg, err, log)
		if err == nil {
			err = found
		}
		return configError(err, io)
	}
	warn(cfg, log)
	s, err := newServer(ctx, cfg, log)
	if err != nil {
		return configError(err, io)
	}
	for i, e := range s.entrances {
		what := "listening"
		if i > 0 {
			what = "admin"
		}
		if _, err := fmt.Fprintf(io.out, "%s on %s\n", what, e.url); err != nil {
			return errors.Join(err, s.close(context.WithoutCancel(ctx)))
		}
	}
	if err := s.serve(ctx); err != nil {
		return &exitError{code: 1, err: err}
	}
	return nil
}

// loadConfig finds and checks the configuration, with what the command line says instead.
func loadConfig(path string, override config.Overrides) (*config.Config, error) {
	file, err := config.Find(path, strobe.PluginsHCL)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Parse(file.Text, file.Name, knownPlugins())
	if err != nil {
		return cfg, err // what is sound of it; validate looks further
	}
	return cfg, cfg.Override(override)
}

// configError shows findings in full, with their lines; any other error is left to be printed as a sentence.
func configError(err error, io stdio) error {
	var found config.Diagnostics
	if errors.As(err, &found) {
		return &exitError{code: 2, err: found.Render(io.err)}
	}
	return &exitError{code: 1, err: err}
}

func warn(cfg *config.Config, log *slog.Logger) {
	for _, d := range cfg.Warnings {
		log.Warn("configuration", "finding", d.String())
	}
	for _, name := range foreignProfileDirs {
		if os.Getenv(name) != "" {
			log.Warn("this variable is not used here: choose the folder with --profile-dir", "variable", name)
			break
		}
	}
}

// newLogger writes to standard error, one line an entry.
func newLogger(io stdio, verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(io.err, &slog.HandlerOptions{Level: level}))
}
