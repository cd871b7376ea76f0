package catalog

import (
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
)

// States of a plugin's process.
const (
	StateUp      = "up"
	StateDown    = "down"    // dead; a rank is being restarted, a profiler is at its next use
	StateBroken  = "broken"  // it died too often and stays down, until somebody restarts it or for a while
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
	// Deaths by reason: exit, signal, memory, hang, start.
	Deaths      map[string]int `json:"deaths"`
	LastError   string         `json:"last_error,omitempty"`
	LastErrorAt *time.Time     `json:"last_error_at,omitempty"`
	RetryAt     *time.Time     `json:"retry_at,omitempty"` // of a broken one

	MaxMemoryBytes int64 `json:"max_memory_bytes,omitempty"`
	LogLinesLost   int64 `json:"log_lines_lost"` // not logged because there were too many
	ProcessesLeft  int   `json:"processes_left"` // that it left behind; the server ended them
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

func describe(u unit, d wire.Description, h history, p *wire.Process) PluginInfo {
	i := PluginInfo{
		Name: u.name, Kind: u.source.kind, Plugin: d.Name, Version: d.Version, APIVersions: d.APIVersions, Capabilities: d.Capabilities,
		Origin: u.source.origin(), Checksum: u.source.checksum(), State: StateUp, Deaths: map[string]int{},
		MaxMemoryBytes: u.memory, LogLinesLost: h.logLost, ProcessesLeft: h.left,
	}
	if i.Capabilities == nil {
		i.Capabilities = []string{}
	}
	for reason, n := range h.deaths {
		i.Deaths[reason] = n
	}
	if h.last != nil {
		at := h.at.UTC()
		i.LastError, i.LastErrorAt = h.last.Error(), &at
	}
	if p != nil {
		i.LogLinesLost += p.LogLost()
		i.ProcessesLeft += p.Left()
	}
	return i
}

// down says why a process cannot be called.
func (i *PluginInfo) down(err error, b breaker) {
	i.State, i.PID = StateDown, 0
	if i.LastError == "" {
		at := time.Now().UTC()
		i.LastError, i.LastErrorAt = err.Error(), &at
	}
	if time.Now().Before(b.until) {
		at := b.until.UTC()
		i.State, i.RetryAt = StateBroken, &at
	}
}

func (r *Rank) info() PluginInfo {
	err := r.Err()
	r.mu.Lock()
	defer r.mu.Unlock()
	i := describe(r.unit, r.now.described, r.history, r.now.Process)
	rank := r.Rank()
	i.Stage, i.Rank, i.Restarts, i.PID = r.StageName(), &rank, r.restarts, r.now.PID()
	if err != nil {
		i.down(err, r.breaker)
	}
	return i
}

func (p *Profiler) info() PluginInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := describe(p.unit, p.described, p.history, p.now)
	i.Restarts = p.starts
	switch {
	case time.Now().Before(p.breaker.until):
		i.down(p.history.last, p.breaker)
	case p.now == nil:
		i.State = StateDormant
	case p.now.Err() != nil:
		i.down(p.now.Err(), p.breaker)
	default:
		i.PID = p.now.PID()
	}
	return i
}
