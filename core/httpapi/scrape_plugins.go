package httpapi

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/strobe-dev/strobe/core/catalog"
)

var (
	descPlugins        = desc("strobe_plugins", "Plugin processes configured, by state.", "plugin", "kind", "state")
	descPluginRestarts = desc("strobe_plugin_restarts_total", "Plugin processes that were started again, for whatever reason.", "plugin", "kind")
	descPluginDeaths   = desc("strobe_plugin_deaths_total", "Plugin processes that ended though nobody asked them to, and successors that did not come up.", "plugin", "kind", "reason")
	descPluginError    = desc("strobe_plugin_last_error_timestamp_seconds", "When something last went wrong with a plugin; GET /v1/plugins says what.", "plugin", "kind")
	descPluginLog      = desc("strobe_plugin_log_lines_lost_total", "Lines of a plugin's output that were not logged because there were too many.", "plugin", "kind")
	descPluginLeft     = desc("strobe_plugin_processes_left_total", "Processes that a plugin left behind, which the server ended.", "plugin", "kind")
)

var (
	pluginStates = []string{catalog.StateUp, catalog.StateDown, catalog.StateBroken, catalog.StateDormant}
	deathReasons = []string{catalog.DeathExit, catalog.DeathSignal, catalog.DeathMemory, catalog.DeathHang, catalog.DeathStart}
)

// pluginsScraped is what is read of the plugins when somebody looks.
type pluginsScraped struct{ Plugins }

// Describe sends all descriptions.
func (c pluginsScraped) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descPlugins, descPluginRestarts, descPluginDeaths, descPluginError, descPluginLog, descPluginLeft} {
		ch <- d
	}
}

// pluginSum is all processes of one name.
type pluginSum struct {
	states, deaths map[string]int
	restarts, left int
	logLost        int64
	errorAt        float64 // Unix seconds; 0: none
}

// Collect sends all values.
func (c pluginsScraped) Collect(ch chan<- prometheus.Metric) {
	type key struct{ name, kind string }
	sums := map[key]*pluginSum{}
	for _, p := range c.Plugins.Plugins() {
		k := key{p.Name, p.Kind}
		if sums[k] == nil {
			sums[k] = &pluginSum{states: map[string]int{}, deaths: map[string]int{}}
		}
		sums[k].add(p)
	}
	for k, s := range sums {
		for _, state := range pluginStates {
			gauge(ch, descPlugins, s.states[state], k.name, k.kind, state)
		}
		for _, reason := range deathReasons {
			total(ch, descPluginDeaths, float64(s.deaths[reason]), k.name, k.kind, reason)
		}
		total(ch, descPluginRestarts, float64(s.restarts), k.name, k.kind)
		total(ch, descPluginLog, float64(s.logLost), k.name, k.kind)
		total(ch, descPluginLeft, float64(s.left), k.name, k.kind)
		if s.errorAt > 0 {
			ch <- prometheus.MustNewConstMetric(descPluginError, prometheus.GaugeValue, s.errorAt, k.name, k.kind)
		}
	}
}

func (s *pluginSum) add(p catalog.PluginInfo) {
	s.states[p.State]++
	for reason, n := range p.Deaths {
		s.deaths[reason] += n
	}
	s.restarts += p.Restarts
	s.left += p.ProcessesLeft
	s.logLost += p.LogLinesLost
	if p.LastErrorAt != nil {
		s.errorAt = max(s.errorAt, float64(p.LastErrorAt.UnixMilli())/1000)
	}
}
