//go:build !windows

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/plugintest"
)

// checkFlags say what a plugin is checked with.
type checkFlags struct {
	config  string
	bad     []string
	only    string
	asJSON  bool
	verbose bool
	checks  plugintest.ProfilerOptions
}

func newPluginCheckCommand(io stdio) *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check NAME|PROGRAM [ARGUMENT...]",
		Short: "Run the conformance checks on a plugin, whatever it is written in",
		Long: `Start a plugin once for each promise of the contract and see whether it keeps it.

NAME is a built-in plugin; PROGRAM is the path of any other. Options go before it. The exit status is 1 when a check failed.

  strobe plugin check ./my-profiler
  strobe plugin check --config '{"min_ms": 5}' --bad-config '{"min_ms": -1}' ./my-profiler`,
		Args: namesPlugin,
		RunE: func(cmd *cobra.Command, args []string) error { return checkPlugin(cmd.Context(), args, f, io) },
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVar(&f.config, "config", "", "values that the plugin takes, as a `JSON` object")
	cmd.Flags().StringArrayVar(&f.bad, "bad-config", nil, "values that it must find wrong, as a `JSON` object; may be given again")
	cmd.Flags().StringVar(&f.only, "only", "", "run the checks whose name contains this `text`")
	cmd.Flags().BoolVar(&f.checks.NoArtifacts, "no-artifacts", false, "the profiler makes no files: it sends its output elsewhere")
	cmd.Flags().BoolVar(&f.checks.Measures, "measures", false, "the profiler measures, and has something to measure here")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON, for programs")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "show what the plugin logs, from level info")
	return cmd
}

// newPluginHoldCommand is a host that `plugin check` starts and kills.
func newPluginHoldCommand() *cobra.Command {
	return &cobra.Command{Use: "hold", Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return plugintest.RunHost(cmd.Context())
	}}
}

func checkPlugin(ctx context.Context, args []string, f checkFlags, io stdio) error {
	command, err := pluginProgram(args)
	if err != nil {
		return err
	}
	if err := f.read(); err != nil {
		return err
	}
	r, began := checkReport{}, time.Now()
	d, err := catalog.Describe(ctx, newLogger(io, false), command...)
	switch {
	case err != nil && f.asJSON:
		r.add("start", began, err)
		return r.end(io, true)
	case err != nil:
		return failed(err)
	}
	checks, err := chosen(f.promises(d.Kind), f.only)
	if err != nil {
		return err
	}
	if !f.asJSON {
		fmt.Fprintf(io.out, "%s %s, a %s plugin\n", d.Name, d.Version, d.Kind)
	}
	r.Plugin = checkedPlugin{d.Name, d.Kind, d.Version}
	var log *slog.Logger
	if f.verbose {
		log = newLogger(io, false) // debug level is mostly the handshake's
	}
	for _, c := range checks {
		began := time.Now()
		result := r.add(c.Name, began, c.Run(ctx, plugintest.StartCommand(log, command...)))
		if ctx.Err() != nil {
			return failed(ctx.Err())
		}
		if !f.asJSON {
			printCheck(io, result)
		}
	}
	return r.end(io, f.asJSON)
}

// read turns the values that were given as JSON into those that a plugin gets.
func (f *checkFlags) read() (err error) {
	if f.checks.Config, err = values("--config", f.config); err != nil {
		return err
	}
	for _, text := range f.bad {
		bad, err := values("--bad-config", text)
		if err != nil {
			return err
		}
		f.checks.BadConfigs = append(f.checks.BadConfigs, bad)
	}
	return nil
}

// promises are the checks of a kind of plugin.
func (f *checkFlags) promises(kind string) []plugintest.Check {
	o := f.checks
	o.Host = []string{selfPath(), "plugin", "hold"}
	if kind == wire.KindModel {
		return plugintest.ModelChecks(plugintest.ModelOptions{Config: o.Config, BadConfigs: o.BadConfigs, Host: o.Host})
	}
	return plugintest.ProfilerChecks(o)
}

// chosen are the checks whose name contains a text.
func chosen(checks []plugintest.Check, only string) ([]plugintest.Check, error) {
	var out []plugintest.Check
	var names []string
	for _, c := range checks {
		names = append(names, c.Name)
		if strings.Contains(c.Name, only) {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return nil, usage(fmt.Errorf("--only %q is in no check's name: %s", only, strings.Join(names, ", ")))
	}
	return out, nil
}

// values reads a JSON object as a configuration: whole numbers are int64, as from HCL.
func values(flag, text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var v map[string]any
	err := d.Decode(&v)
	if err == nil && d.More() {
		err = errors.New("more follows the object")
	}
	if err != nil {
		return nil, usage(fmt.Errorf(`%s: %w; give an object such as '{"key": 5}'`, flag, err))
	}
	return plainNumbers(v).(map[string]any), nil
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	}
	return v
}
