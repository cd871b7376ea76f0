//go:build !windows

package main

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/core/config"
	"github.com/strobe-dev/strobe/plugins/dit"
	"github.com/strobe-dev/strobe/plugins/resize"
	"github.com/strobe-dev/strobe/profilers/chrome"
	"github.com/strobe-dev/strobe/profilers/hostmon"
	"github.com/strobe-dev/strobe/profilers/nsight"
	"github.com/strobe-dev/strobe/profilers/otlp"
	"github.com/strobe-dev/strobe/profilers/perfetto"
	"github.com/strobe-dev/strobe/sdk/plugin"
)

// builtin is a plugin inside this binary: its core runs the binary again to serve it.
type builtin struct {
	kind, name string
	serve      func()
}

// builtins is every plugin that needs no plugin block in plugins.hcl.
func builtins() []builtin {
	return []builtin{
		{config.KindModel, "dit", func() { plugin.ServeModel(dit.New()) }},
		{config.KindModel, "resize", func() { plugin.ServeModel(resize.New()) }},
		{config.KindProfiler, "chrome", func() { p := chrome.New(); plugin.ServeProfiler(p, p.Describe()) }},
		{config.KindProfiler, "perfetto", func() { p := perfetto.New(); plugin.ServeProfiler(p, p.Describe()) }},
		{config.KindProfiler, "otlp", func() { p := otlp.New(); plugin.ServeProfiler(p, p.Describe()) }},
		{config.KindProfiler, "nsight", func() { p := nsight.New(); plugin.ServeProfiler(p, p.Describe()) }},
		{config.KindProfiler, "hostmon", func() { p := hostmon.New(); plugin.ServeProfiler(p, p.Describe()) }},
	}
}

// servePlugin serves a built-in plugin when the arguments are `plugin serve KIND NAME`. It looks at them before anything
// else does, so that no flag, and no test binary's own meaning of its arguments, comes between.
func servePlugin(args []string, io stdio) (status int, served bool) {
	if len(args) != 4 || args[0] != "plugin" || args[1] != "serve" {
		return 0, false
	}
	for _, b := range builtins() {
		if b.kind == args[2] && b.name == args[3] {
			b.serve()
			return 0, true
		}
	}
	fmt.Fprintf(io.err, "strobe: there is no built-in %s plugin %q\n", args[2], args[3])
	return 2, true
}

// knownPlugins names the built-ins for the configuration's checks.
func knownPlugins() config.Known {
	var k config.Known
	for _, b := range builtins() {
		if b.kind == config.KindModel {
			k.Models = append(k.Models, b.name)
		} else {
			k.Profilers = append(k.Profilers, b.name)
		}
	}
	slices.Sort(k.Models)
	slices.Sort(k.Profilers)
	return k
}

// catalogOptions tell the catalog of the built-ins and how to run them: this very binary, even when the file has been
// rebuilt since.
func catalogOptions(log *slog.Logger) catalog.Options {
	o := catalog.Options{Self: []string{selfPath(), "plugin", "serve"}, Log: log}
	for _, b := range builtins() {
		given := catalog.Builtin{Kind: b.kind, Name: b.name}
		if b.kind == config.KindProfiler && b.name == "otlp" {
			given.Env = []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"}
		}
		o.Builtins = append(o.Builtins, given)
	}
	return o
}
