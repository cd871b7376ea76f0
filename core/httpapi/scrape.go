package httpapi

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/strobe-dev/strobe/core/profile"
)

// scraped is what is read of the engine and the profile manager when somebody looks.
type scraped struct {
	engine   Engine
	profiles Profiles // nil: profiling is off
}

var (
	descInFlight = desc("strobe_in_flight", "Requests being served.")
	descQueue    = desc("strobe_queue_length", "Requests that wait for a rank.")
	descRanks    = desc("strobe_ranks", "Ranks configured, by stage.", "stage")
	descRanksUp  = desc("strobe_ranks_up", "Ranks that are up, by stage.", "stage")

	descProfiles      = desc("strobe_profiles", "Profiles kept, by state.", "state")
	descStarted       = desc("strobe_profiles_started_total", "Profiles started.")
	descStartFailures = desc("strobe_profile_start_failures_total", "Starts of profiles that failed.")
	descEnded         = desc("strobe_profiles_ended_total", "Profiles that ended, by what ended them.", "by")
	descResults       = desc("strobe_profile_results_total", "Profiles that ended, by result.", "result")
	descEvents        = desc("strobe_profile_events_total", "Events recorded by profiles that ended.")
	descBytes         = desc("strobe_profile_bytes_total", "Bytes of recordings and artifacts of profiles that ended.")
	descLosses        = desc("strobe_profile_losses_total", "Events not recorded, and texts cut, by reason.", "reason")
	descExports       = desc("strobe_profile_exports_total", "Exports that ended, by profiler and result.", "profiler", "result")
	descExportSeconds = desc("strobe_profile_export_seconds_total", "Time from the end of recordings to their last artifacts.", "profiler")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe sends all descriptions.
func (c *scraped) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descInFlight, descQueue, descRanks, descRanksUp, descProfiles, descStarted, descStartFailures, descEnded, descResults,
		descEvents, descBytes, descLosses, descExports, descExportSeconds,
	} {
		ch <- d
	}
}

// Collect sends all values.
func (c *scraped) Collect(ch chan<- prometheus.Metric) {
	stats := c.engine.Stats()
	gauge(ch, descInFlight, stats.InFlight)
	gauge(ch, descQueue, stats.Queue)
	for _, s := range stats.Stages {
		gauge(ch, descRanks, s.Ranks, s.Name)
		gauge(ch, descRanksUp, s.RanksUp, s.Name)
	}
	if c.profiles != nil {
		collectProfiles(ch, c.profiles.Stats())
	}
}

func collectProfiles(ch chan<- prometheus.Metric, s profile.Stats) {
	for _, state := range []profile.State{
		profile.StateStarting, profile.StateRecording, profile.StateStopping,
		profile.StateExporting, profile.StateComplete, profile.StateFailed, profile.StateRecovered,
	} {
		gauge(ch, descProfiles, s.ByState[state], string(state))
	}
	t := s.Totals
	total(ch, descStarted, float64(t.Started))
	total(ch, descStartFailures, float64(t.StartsFailed))
	for by, n := range t.EndedBy {
		total(ch, descEnded, float64(n), string(by))
	}
	total(ch, descResults, float64(t.Complete), string(profile.StateComplete))
	total(ch, descResults, float64(t.Failed), string(profile.StateFailed))
	total(ch, descResults, float64(t.Recovered), string(profile.StateRecovered))
	total(ch, descEvents, float64(t.Events))
	total(ch, descBytes, float64(t.Bytes))
	for reason, n := range t.Lost {
		total(ch, descLosses, float64(n), reason)
	}
	for name, x := range t.Exports {
		total(ch, descExports, float64(x.Complete), name, string(profile.ExportComplete))
		total(ch, descExports, float64(x.Failed), name, string(profile.ExportFailed))
		total(ch, descExportSeconds, x.Seconds, name)
	}
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v int, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
}

func total(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}
