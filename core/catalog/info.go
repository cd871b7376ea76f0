package catalog

import "github.com/strobe-dev/strobe/internal/wire"

// States of a plugin's process.
const (
	StateUp      = "up"
	StateDown    = "down"    // dead; a rank is being restarted, a profiler is at its next use
	StateDormant = "dormant" // a profiler that nobody has needed yet
)

// PluginInfo is what is shown of one plugin process, or of a profiler that has none.
type PluginInfo struct {
	Name         string   `json:"name"`   // the stage's plugin, or the profiler block's label
	Kind         string   `json:"kind"`   // "model", "profiler"
	Plugin       string   `json:"plugin"` // what the plugin calls itself
	Version      string   `json:"version"`
	APIVersions  []int    `json:"api_versions"`
	Capabilities []string `json:"capabilities"`
	Origin       string   `json:"origin"`   // "built in", or the program
	Checksum     string   `json:"checksum"` // "built in", "verified", "not pinned"
	Stage        string   `json:"stage,omitempty"`
	Rank         *int     `json:"rank,omitempty"`
	PID          int      `json:"pid,omitempty"`
	State        string   `json:"state"`
	Restarts     int      `json:"restarts"`
	LastError    string   `json:"last_error,omitempty"`
}

// Plugins lists every process, ranks first, in order of the configuration.
func (c *Catalog) Plugins() []PluginInfo {
	var out []PluginInfo
	for _, s := range c.stages {
		for _, r := range s.Ranks {
			out = append(out, r.info())
		}
	}
	for _, name := range c.order {
		out = append(out, c.profilers[name].info())
	}
	return out
}

func describe(u unit, d wire.Description) PluginInfo {
	return PluginInfo{
		Name: u.name, Kind: u.source.kind, Plugin: d.Name, Version: d.Version, APIVersions: d.APIVersions, Capabilities: d.Capabilities,
		Origin: u.source.origin(), Checksum: u.source.checksum(), State: StateUp,
	}
}

func (r *Rank) info() PluginInfo {
	err := r.Err()
	r.mu.Lock()
	defer r.mu.Unlock()
	i := describe(r.unit, r.now.described)
	rank := r.Rank()
	i.Stage, i.Rank, i.Restarts, i.PID = r.StageName(), &rank, r.restarts, r.now.PID()
	if err != nil {
		i.State, i.LastError = StateDown, err.Error()
	}
	return i
}

func (p *Profiler) info() PluginInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := describe(p.unit, p.described)
	if p.last != nil {
		i.LastError = p.last.Error()
	}
	switch {
	case p.now == nil:
		i.State = StateDormant
	case p.now.Err() != nil:
		i.State, i.LastError = StateDown, p.now.Err().Error()
	default:
		i.PID = p.now.PID()
	}
	return i
}
