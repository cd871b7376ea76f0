package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/strobe-dev/strobe/internal/words"
	"github.com/strobe-dev/strobe/sdk/diag"
)

// check finds what is wrong between blocks, and fills in what one block's defaults take from others.
func (r *reader) check(c parsed, known Known) {
	used := map[string]bool{}
	for i := range c.Models {
		for j := range c.Models[i].Stages {
			s := &c.Models[i].Stages[j]
			used[s.Plugin] = true
			s.unsound = !r.checkPlugin(c.Config, s.Origin, s.Plugin, KindModel, known.Models)
		}
	}
	for i := range c.Profilers {
		p := &c.Profilers[i]
		used[p.Plugin] = true
		p.unsound = !r.checkPlugin(c.Config, p.Origin, p.Plugin, KindProfiler, known.Profilers)
	}
	for _, p := range c.Plugins {
		builtin := slices.Contains(known.Models, p.Name) && p.Kind == KindModel ||
			slices.Contains(known.Profilers, p.Name) && p.Kind == KindProfiler
		if builtin {
			r.errorf(p.block, "give it another name", "%s has the name of a built-in plugin", p.name)
		} else if p.Name != "" && p.Kind != "" && !used[p.Name] {
			r.add(diag.Warning, p.block, fmt.Sprintf("%s is not used", p.name), "no stage and no profiler names it")
		}
	}
	r.checkModel(c)
	r.checkProfilers(c)
	r.found = append(r.found, c.budget()...)
	if !c.badFlightBytes {
		r.found = append(r.found, c.flightBudget()...)
	}
	if f := c.FlightRecorder; f != nil && c.said.profilers && len(c.Server.Profilers) == 0 {
		r.add(diag.Warning, f.block, flightUnused, "profiling is off: server.profilers is empty")
	}
}

// checkPlugin finds a name that is neither a built-in nor a plugin block of the right kind, and reports whether it is one.
func (r *reader) checkPlugin(c *Config, at Origin, name, kind string, builtins []string) bool {
	if name == "" || slices.Contains(builtins, name) {
		return name != ""
	}
	where := at.Range(diag.Path{"plugin"})
	if p := c.Plugin(name); p != nil {
		if p.Kind != "" && p.Kind != kind {
			r.errorf(where, "", "plugin %q is of kind %s, and %s needs one of kind %s", name, p.Kind, at.name, kind)
		}
		return p.Kind == kind && len(p.Command) > 0
	}
	names := slices.Clone(builtins)
	for _, p := range c.Plugins {
		if p.Kind == kind && p.Name != "" && !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	detail := words.Hint(name, "there are", names)
	if words.Closest(name, names) != "" {
		r.errorf(where, detail, "no %s plugin %q, built in or declared", kind, name)
		return false
	}
	own := fmt.Sprintf("a plugin of your own is declared so:\n  plugin %q {\n    kind = %q\n    command = [\"./bin/%s\"]\n  }", name, kind, name)
	r.errorf(where, strings.TrimPrefix(detail+"\n"+own, "\n"), "no %s plugin %q, built in or declared", kind, name)
	return false
}

// prune takes out of an unsound configuration what is already a finding, so that those who look further do not find it
// again: stages and profilers without a plugin, names of profilers that are not declared.
func (c *Config) prune() {
	for i := range c.Models {
		c.Models[i].Stages = slices.DeleteFunc(c.Models[i].Stages, func(s Stage) bool { return s.unsound })
	}
	c.Server.Profilers = slices.DeleteFunc(c.Server.Profilers, func(name string) bool {
		return !slices.ContainsFunc(c.Profilers, func(p Profiler) bool { return p.Name == name && !p.unsound })
	})
	c.Profilers = slices.DeleteFunc(c.Profilers, func(p Profiler) bool { return p.unsound })
}

func (r *reader) checkModel(c parsed) {
	names := slices.DeleteFunc(modelNames(c.Models), func(n string) bool { return n == "" })
	where := c.Server.Range(diag.Path{"model"})
	switch model := c.Server.Model; {
	case len(c.Models) == 0:
		r.errorf(hcl.Range{Filename: r.src.name}, `add model "name" { stage "name" { … } }`, "no model is declared")
	case c.said.modelWrong:
	case model == "" && len(c.Models) == 1:
		c.Server.Model = c.Models[0].Name
	case model == "":
		r.errorf(where, words.Hint("", "declared", names), "several models are declared and server.model does not say which to serve")
	case !slices.Contains(names, model):
		r.errorf(where, words.Hint(model, "declared", names), "no model %q is declared", model)
	}
}

func (r *reader) checkProfilers(c parsed) {
	declared := profilerNames(c.Profilers)
	if !c.said.profilers {
		c.Server.Profilers = declared
		return
	}
	seen := map[string]bool{}
	for i, name := range c.Server.Profilers {
		at := c.Server.Range(diag.Path{"profilers", fmt.Sprint(i)})
		switch {
		case !slices.Contains(declared, name):
			r.errorf(at, words.Hint(name, "declared", declared), "no profiler %q is declared", name)
		case seen[name]:
			r.errorf(at, "", "profiler %q is listed twice", name)
		}
		seen[name] = true
	}
}

// budget finds a profile.max_bytes that is too small for the processes of the served model.
func (c *Config) budget() Diagnostics {
	m, err := c.ServedModel()
	if err != nil {
		return nil
	}
	processes := m.processes()
	need := 2 * processes * SegmentBytes
	if c.Profile.MaxBytes >= need {
		return nil
	}
	return Diagnostics{c.Profile.finding(diag.Error, diag.Path{"max_bytes"},
		fmt.Sprintf("%s is too small for the %d processes of model %q, which need %s", FormatSize(c.Profile.MaxBytes), processes, m.Name, FormatSize(need)),
		whyMaxBytes)}
}
