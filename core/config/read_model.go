package config

import "github.com/hashicorp/hcl/v2/hclsyntax"

var (
	modelBlocks    = []string{"stage"}
	stageKeys      = []string{"plugin", "replicas", "max_memory", "progress_timeout", "cancel_timeout"}
	profilerKeys   = []string{"plugin", "max_memory", "finish_timeout"}
	configBlocks   = []string{"config"}
	pluginKeys     = []string{"kind", "command", "sha256", "max_memory"}
	topLevelBlocks = []string{"server", "profile", "flight_recorder", "telemetry", "model", "profiler", "plugin"}
)

func (r *reader) model(b *hclsyntax.Block) Model {
	open := r.open(blockName(b), header(b), b.Body, nil, modelBlocks)
	m := Model{Name: r.label(b, true), Origin: open.Origin}
	for _, inner := range open.inner {
		if r.once(open.firsts, inner) {
			m.Stages = append(m.Stages, r.stage(inner))
		}
	}
	if len(open.inner) == 0 {
		r.errorf(header(b), "add a stage, such as stage \"diffusion\" { plugin = \"dit\" }", "%s has no stage", blockName(b))
	}
	return m
}

func (r *reader) stage(b *hclsyntax.Block) Stage {
	open := r.open(blockName(b), header(b), b.Body, stageKeys, configBlocks)
	s := Stage{
		Name:     r.label(b, false),
		Replicas: open.whole("replicas", DefaultReplicas, 1, MaxReplicas),
		Config:   r.config(open),

		MaxMemory: open.memory("max_memory"),
		Progress:  open.duration("progress_timeout", DefaultProgress, 0, MaxPluginTimeout),
		Cancel:    open.duration("cancel_timeout", DefaultCancel, MinPluginTimeout, MaxPluginTimeout),
		Origin:    open.Origin,
	}
	s.Plugin = open.pluginName(s.Name)
	return s
}

func (r *reader) profiler(b *hclsyntax.Block) Profiler {
	open := r.open(blockName(b), header(b), b.Body, profilerKeys, configBlocks)
	p := Profiler{
		Name: r.label(b, false), Config: r.config(open), MaxMemory: open.memory("max_memory"),
		Finish: open.duration("finish_timeout", DefaultFinish, MinPluginTimeout, MaxPluginTimeout), Origin: open.Origin,
	}
	p.Plugin = open.pluginName(p.Name)
	return p
}

// pluginName is the key `plugin`, which defaults to the block's label; "" when it is already found wrong.
func (b *block) pluginName(label string) string {
	name := b.str("plugin", label)
	if b.wrong["plugin"] {
		return ""
	}
	if name == "" && label != "" {
		b.bad("plugin", "leave the key out to use the block's name", "plugin is empty")
	}
	return name
}
