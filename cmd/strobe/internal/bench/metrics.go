package bench

import (
	"math"
	"slices"
	"time"
)

// Metrics are the result. The keys are the original's, those after "task" are ours.
type Metrics struct {
	Duration     float64 `json:"duration"` // seconds
	Completed    int     `json:"completed_requests"`
	Failed       int     `json:"failed_requests"`
	Throughput   float64 `json:"throughput_qps"`
	LatencyMean  float64 `json:"latency_mean"` // seconds, as all latencies
	LatencyMed   float64 `json:"latency_median"`
	LatencyP99   float64 `json:"latency_p99"`
	LatencyP95   float64 `json:"latency_p95"`
	LatencyP50   float64 `json:"latency_p50"`
	PeakMemMax   float64 `json:"peak_memory_mb_max"` // 0 when the server does not say
	PeakMemMean  float64 `json:"peak_memory_mb_mean"`
	PeakMemMed   float64 `json:"peak_memory_mb_median"`
	StagesMean   stages  `json:"stage_durations_mean"` // seconds
	StagesP50    stages  `json:"stage_durations_p50"`
	StagesP99    stages  `json:"stage_durations_p99"`
	*SLO                 // only with --slo
	Endpoint     string  `json:"endpoint"`
	Model        string  `json:"model"`
	Dataset      string  `json:"dataset"`
	Task         string  `json:"task"`
	BotTask      string  `json:"bot_task,omitempty"`
	Images       int     `json:"images"`
	ImagesPerSec float64 `json:"images_per_second"`
	// Synthetic: the server says that its weights are made up. Costs are real, pictures are not.
	Synthetic bool     `json:"synthetic"`
	Errors    []Tally  `json:"errors"`
	Profile   *Profile `json:"profile,omitempty"` // only with --profile
}

type stages map[string]float64

// SLO is how many requests were answered within what they were promised.
type SLO struct {
	Attainment float64 `json:"slo_attainment_rate"` // of those that were promised something
	Met        int     `json:"slo_met_success"`
	Scale      float64 `json:"slo_scale"`
}

// Profile is which profile was taken of the run.
type Profile struct {
	ID    string `json:"id"` // empty when the server gives none
	Error string `json:"error"`
}

// Tally counts an error.
type Tally struct {
	Error string `json:"error"`
	Count int    `json:"count"`
}

// Compute makes the figures of a run that took duration.
func Compute(c *Config, requests []Request, outcomes []Outcome, duration time.Duration) *Metrics {
	m := &Metrics{
		Duration: duration.Seconds(), Endpoint: c.Endpoint, Dataset: c.Dataset, Task: c.Task, Model: c.Model,
		StagesMean: stages{}, StagesP50: stages{}, StagesP99: stages{}, Errors: tally(outcomes),
	}
	if c.Endpoint == Edits {
		m.BotTask = "think"
		if v := c.Extra["bot_task"]; v != nil {
			m.BotTask = scalar(v)
		}
	}
	var latencies, peaks []float64
	byStage := map[string][]float64{}
	for _, o := range outcomes {
		if o.Err != nil {
			m.Failed++
			continue
		}
		m.Completed++
		m.Images += len(o.Pictures)
		latencies = append(latencies, o.Latency.Seconds())
		if o.PeakMemoryMB > 0 {
			peaks = append(peaks, o.PeakMemoryMB)
		}
		for stage, s := range o.Stages {
			byStage[stage] = append(byStage[stage], s)
		}
	}
	if m.Duration > 0 {
		m.Throughput = float64(m.Completed) / m.Duration
		m.ImagesPerSec = float64(m.Images) / m.Duration
	}
	m.LatencyMean, m.LatencyMed = mean(latencies), percentile(latencies, 50)
	m.LatencyP99, m.LatencyP95, m.LatencyP50 = percentile(latencies, 99), percentile(latencies, 95), percentile(latencies, 50)
	m.PeakMemMean, m.PeakMemMed = mean(peaks), percentile(peaks, 50)
	m.PeakMemMax = percentile(peaks, 100)
	for stage, s := range byStage {
		m.StagesMean[stage], m.StagesP50[stage], m.StagesP99[stage] = mean(s), percentile(s, 50), percentile(s, 99)
	}
	if c.SLO {
		m.SLO = attainment(requests, outcomes, c.SLOScale)
	}
	return m
}

func attainment(requests []Request, outcomes []Outcome, scale float64) *SLO {
	s := &SLO{Scale: scale}
	promised := 0
	for i, r := range requests {
		if r.SLO == nil {
			continue
		}
		promised++
		if outcomes[i].SLOMet {
			s.Met++
		}
	}
	if promised > 0 {
		s.Attainment = float64(s.Met) / float64(promised)
	}
	return s
}

// tally counts the errors by their text, the most frequent first.
func tally(outcomes []Outcome) []Tally {
	all := []Tally{}
	for _, o := range outcomes {
		if o.Err == nil {
			continue
		}
		text := o.Err.Error()
		i := slices.IndexFunc(all, func(t Tally) bool { return t.Error == text })
		if i < 0 {
			i = len(all)
			all = append(all, Tally{Error: text})
		}
		all[i].Count++
	}
	slices.SortStableFunc(all, func(a, b Tally) int { return b.Count - a.Count })
	return all
}

func mean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// percentile is numpy's: linear between the two values beside the place (n-1)*p/100; 0 of no values.
func percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	place := float64(len(sorted)-1) * p / 100
	low := int(math.Floor(place))
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (sorted[high]-sorted[low])*(place-float64(low))
}
