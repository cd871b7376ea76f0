//go:build !windows

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/plugintest"
)

// checkReport is what `plugin check --json` prints.
type checkReport struct {
	Plugin  checkedPlugin `json:"plugin"`
	Passed  int           `json:"passed"`
	Failed  int           `json:"failed"`
	Skipped int           `json:"skipped"`
	Checks  []checkResult `json:"checks"`
}

type checkedPlugin struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Version string `json:"version"`
}

type checkResult struct {
	Name    string  `json:"name"`
	Result  string  `json:"result"` // "passed", "failed", "skipped"
	Seconds float64 `json:"seconds"`
	Detail  string  `json:"detail,omitempty"` // why it failed or was skipped
}

// checkFlags say what a plugin is checked with.
type checkFlags struct {
	config string
	bad    []string
	only   string
	asJSON bool
	checks plugintest.ProfilerOptions
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
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return checkPlugin(cmd.Context(), args, f, io) },
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVar(&f.config, "config", "", "values that the plugin takes, as a `JSON` object")
	cmd.Flags().StringArrayVar(&f.bad, "bad-config", nil, "values that it must find wrong, as a `JSON` object; may be given again")
	cmd.Flags().StringVar(&f.only, "only", "", "run the checks whose name contains this `text`")
	cmd.Flags().BoolVar(&f.checks.NoArtifacts, "no-artifacts", false, "the profiler makes no files: it sends its output elsewhere")
	cmd.Flags().BoolVar(&f.checks.Measures, "measures", false, "the profiler measures, and has something to measure here")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON, for programs")
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
	o := f.checks
	o.Host = []string{selfPath(), "plugin", "hold"}
	if o.Config, err = values("--config", f.config); err != nil {
		return err
	}
	for _, text := range f.bad {
		bad, err := values("--bad-config", text)
		if err != nil {
			return err
		}
		o.BadConfigs = append(o.BadConfigs, bad)
	}
	d, err := catalog.Describe(ctx, newLogger(io, false), command...)
	if err != nil {
		return &exitError{code: 1, err: err}
	}
	var checks []plugintest.Check
	if d.Kind == wire.KindModel {
		checks = plugintest.ModelChecks(plugintest.ModelOptions{Config: o.Config, BadConfigs: o.BadConfigs, Host: o.Host})
	} else {
		checks = plugintest.ProfilerChecks(o)
	}
	if checks, err = chosen(checks, f.only); err != nil {
		return err
	}
	if !f.asJSON {
		fmt.Fprintf(io.out, "%s %s, a %s plugin\n", d.Name, d.Version, d.Kind)
	}
	r := checkReport{Plugin: checkedPlugin{d.Name, d.Kind, d.Version}}
	for _, c := range checks {
		r.run(ctx, c, plugintest.StartCommand(nil, command...))
		if last := r.Checks[len(r.Checks)-1]; !f.asJSON {
			printCheck(io, last)
		}
		if ctx.Err() != nil {
			return &exitError{code: 1, err: ctx.Err()}
		}
	}
	return r.end(io, f.asJSON)
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
		return nil, &exitError{code: 2, err: fmt.Errorf("--only %q is in no check's name: %s", only, strings.Join(names, ", "))}
	}
	return out, nil
}

func (r *checkReport) run(ctx context.Context, c plugintest.Check, start plugintest.Start) {
	began := time.Now()
	err := c.Run(ctx, start)
	result := checkResult{Name: c.Name, Result: "passed", Seconds: time.Since(began).Seconds()}
	switch {
	case errors.Is(err, plugintest.ErrSkipped):
		result.Result = "skipped"
		r.Skipped++
	case err != nil:
		result.Result = "failed"
		r.Failed++
	default:
		r.Passed++
	}
	if err != nil {
		result.Detail = err.Error()
	}
	r.Checks = append(r.Checks, result)
}

func (r *checkReport) end(io stdio, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(io.out).Encode(r); err != nil {
			return &exitError{code: 1, err: err}
		}
	} else {
		fmt.Fprintf(io.out, "%d passed, %d failed, %d skipped\n", r.Passed, r.Failed, r.Skipped)
	}
	if r.Failed > 0 || r.Passed == 0 {
		return &exitError{code: 1}
	}
	return nil
}

func printCheck(io stdio, c checkResult) {
	word := map[string]string{"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[c.Result]
	fmt.Fprintf(io.out, "%s  %-22s %7.2f s\n", word, c.Name, c.Seconds)
	if c.Detail != "" {
		fmt.Fprintf(io.out, "      %s\n", strings.ReplaceAll(c.Detail, "\n", "\n      "))
	}
}

// values reads a JSON object as a configuration: whole numbers are int64, as from HCL.
func values(flag, text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		return nil, &exitError{code: 2, err: fmt.Errorf(`%s: %w; give an object such as '{"key": 5}'`, flag, err)}
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
