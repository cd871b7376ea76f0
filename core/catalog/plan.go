package catalog

import (
	"errors"
	"slices"
	"time"

	"github.com/strobe-dev/strobe/core/config"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/internal/words"
	"github.com/strobe-dev/strobe/sdk/diag"
	"github.com/strobe-dev/strobe/sdk/model"
)

// unit is one process to be started, and the block that asks for it.
type unit struct {
	source source
	name   string        // for errors: the plugin's name of a stage, the block's label of a profiler
	block  config.Origin // the stage's or profiler's block
	values config.Values
	rank   *model.Rank // of a model; nil for a profiler
	warm   bool        // a profiler that is kept running
	bounds
	// offline: a profiler of Catalog.Offline
	offline bool
}

// bounds are what a process may take.
type bounds struct {
	memory   int64         // bytes; 0: no bound
	progress time.Duration // of a model: without a step; 0: no bound
	cancel   time.Duration // of a model: to end what was cancelled
	finish   time.Duration // of a profiler: to complete an export
}

// plan turns the configuration into units. What cannot be resolved is a finding.
func plan(cfg *config.Config, o Options) (units []unit, found config.Diagnostics) {
	served, err := cfg.ServedModel()
	var missing config.Diagnostics
	switch {
	case o.OnlyProfilers != nil:
	case err == nil:
		units, found = planModel(cfg, o, served)
	case errors.As(err, &missing):
		found = append(found, missing...)
	}
	for _, p := range cfg.Profilers {
		if o.OnlyProfilers != nil && !slices.Contains(o.OnlyProfilers, p.Name) {
			continue
		}
		src, bad := resolve(cfg, o, wire.KindProfiler, p.Plugin, p.Origin)
		if len(bad) > 0 {
			found = append(found, bad...)
			continue
		}
		units = append(units, unit{source: src, name: p.Name, block: p.Origin, values: p.Config, warm: slices.Contains(cfg.Server.Profilers, p.Name),
			bounds: bounds{memory: cfg.MemoryOf(p.MaxMemory, p.Plugin), finish: p.Finish}})
	}
	return units, found
}

func planModel(cfg *config.Config, o Options, m *config.Model) (units []unit, found config.Diagnostics) {
	for i, s := range m.Stages {
		src, bad := resolve(cfg, o, wire.KindModel, s.Plugin, s.Origin)
		if len(bad) > 0 {
			found = append(found, bad...)
			continue
		}
		for r := range max(s.Replicas, 1) {
			units = append(units, unit{source: src, name: s.Plugin, block: s.Origin, values: s.Config,
				bounds: bounds{memory: cfg.MemoryOf(s.MaxMemory, s.Plugin), progress: s.Progress, cancel: s.Cancel},
				rank:   &model.Rank{Model: m.Name, Stage: i, StageName: s.Name, Rank: r, Replicas: max(s.Replicas, 1)}})
		}
	}
	return units, found
}

// resolve finds where the plugin that a block names comes from. A plugin block goes before a built-in of its name.
func resolve(cfg *config.Config, o Options, kind, name string, at config.Origin) (source, config.Diagnostics) {
	if p := cfg.Plugin(name); p != nil {
		if p.Kind != kind {
			return source{}, config.Diagnostics{at.Errorf(diag.Path{"plugin"}, "plugin %q is of kind %s, needed is one of kind %s", name, p.Kind, kind)}
		}
		return source{kind: kind, command: p.Command, sha256: p.SHA256, external: p}, nil
	}
	var names []string
	for _, b := range o.Builtins {
		if b.Kind != kind {
			continue
		}
		if b.Name == name {
			return source{kind: kind, command: append(slices.Clone(o.Self), kind, name), env: b.Env}, nil
		}
		names = append(names, b.Name)
	}
	for _, p := range cfg.Plugins {
		if p.Kind == kind {
			names = append(names, p.Name)
		}
	}
	d := at.Errorf(diag.Path{"plugin"}, "no %s plugin %q, built in or declared", kind, name)
	d.Detail = words.Hint(name, "there are", names)
	return source{}, config.Diagnostics{d}
}
