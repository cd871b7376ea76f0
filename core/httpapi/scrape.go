package httpapi

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/strobe-dev/strobe/core/profile"
)

// scraped is what is read of the engine and the profile manager when somebody looks.
type scraped struct {
	engine   Engine
	profiles Profiles // nil: profiling is off
	version  string
}

var (
	descBuild    = desc("strobe_build_info", "1, with the program's version as a label.", "version")
	descInFlight = desc("strobe_requests_in_flight", "Requests that a rank serves, or that are between two stages.")
	descQueue    = desc("strobe_requests_waiting", "Requests that wait for a rank.")
	descRanks    = desc("strobe_ranks", "Ranks configured, by stage.", "stage")
	descRanksUp  = desc("strobe_ranks_up", "Ranks that are up, by stage.", "stage")
	descRestarts = desc("strobe_rank_restarts_total", "Ranks that died and were started again.", "stage")

	descProfiles      = desc("strobe_profiles", "Profiles kept, the active one included.", "state")
	descStarted       = desc("strobe_profiles_started_total", "Profiles made, by what made them.", "trigger")
	descStartFailures = desc("strobe_profile_start_failures_total", "Starts of profiles that failed.")
	descEnded         = desc("strobe_profiles_ended_total", "Profiles that ended, by what ended them.", "by")
	descResults       = desc("strobe_profile_results_total", "Profiles that ended, by how.", "result")
	descEvents        = desc("strobe_profile_events_total", "Events recorded by profiles that ended.")
	descBytes         = desc("strobe_profile_bytes_total", "Bytes of recordings and artifacts of profiles that ended.")
	descLosses        = desc("strobe_profile_losses_total", "Events not recorded, and texts cut, in profiles that ended.", "reason")
	descExports       = desc("strobe_profile_exports_total", "Exports that ended, by profiler and result.", "profiler", "result")
	descExportSeconds = desc("strobe_profile_export_duration_seconds", "Time from the end of a recording to its last artifact.", "profiler")
	descRecorded      = desc("strobe_profile_recorded_seconds_total", "Time that profiles covered which ended.")
	descOverhead      = desc("strobe_profile_overhead_seconds_total", "Processor time that recording took in profiles that ended, as the processes estimate it.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe sends all descriptions.
func (c *scraped) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descBuild, descInFlight, descQueue, descRanks, descRanksUp, descRestarts, descProfiles, descStarted, descStartFailures, descEnded, descResults,
		descEvents, descBytes, descLosses, descExports, descExportSeconds, descRecorded, descOverhead,
	} {
		ch <- d
	}
}

// Collect sends all values.
func (c *scraped) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(descBuild, prometheus.GaugeValue, 1, c.version)
	stats := c.engine.Stats()
	gauge(ch, descInFlight, stats.InFlight)
	gauge(ch, descQueue, stats.Queue)
	for _, s := range stats.Stages {
		gauge(ch, descRanks, s.Ranks, s.Name)
		gauge(ch, descRanksUp, s.RanksUp, s.Name)
		total(ch, descRestarts, float64(s.Restarts), s.Name)
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
	for trigger, n := range t.StartedBy {
		total(ch, descStarted, float64(n), trigger)
	}
	total(ch, descStartFailures, float64(t.StartsFailed))
	for by, n := range t.EndedBy {
		total(ch, descEnded, float64(n), string(by))
	}
	total(ch, descResults, float64(t.Complete), string(profile.StateComplete))
	total(ch, descResults, float64(t.Failed), string(profile.StateFailed))
	total(ch, descResults, float64(t.Recovered), string(profile.StateRecovered))
	total(ch, descEvents, float64(t.Events))
	total(ch, descBytes, float64(t.Bytes))
	total(ch, descRecorded, t.RecordedSeconds)
	total(ch, descOverhead, t.CostSeconds)
	for reason, n := range t.Lost {
		total(ch, descLosses, float64(n), reason)
	}
	for name, x := range t.Exports {
		total(ch, descExports, float64(x.Complete), name, string(profile.ExportComplete))
		total(ch, descExports, float64(x.Failed), name, string(profile.ExportFailed))
		ch <- prometheus.MustNewConstSummary(descExportSeconds, x.Complete+x.Failed, x.Seconds, nil, name)
	}
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v int, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
}

func total(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}
