// Package hostmon is a profiler that measures: while a profile runs it records what core and the ranks take of the
// machine (processor time, memory, context switches) and what NVIDIA's GPUs do (power, clocks, memory), as counters in a
// segment of its own. Every profiler of the same profile exports them; hostmon itself makes no file.
package hostmon

import (
	"context"
	"fmt"
	"time"

	"github.com/strobe-dev/strobe/profilers/hostmon/internal/nvml"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Config is the block of a profiler of this kind in plugins.hcl.
type Config struct {
	Interval time.Duration `strobe:"interval" doc:"between two samples" default:"200ms" min:"0.01" max:"60"`
}

// Profiler measures the host of a profile.
type Profiler struct {
	config    Config
	processes []recording.Process // of the profile that is open
}

// New is a profiler with the default configuration.
func New() *Profiler { return &Profiler{config: Config{Interval: 200 * time.Millisecond}} }

// Describe says what the profiler is, and where its configuration goes.
func (p *Profiler) Describe() profiler.Description {
	return profiler.Description{Name: "hostmon", Version: "1.0.0", Config: &p.config,
		Summary: "Counters of the host: processor time, memory and context switches of core and the ranks, power, clocks and memory of GPUs"}
}

// Open implements profiler.Profiler.
func (p *Profiler) Open(_ context.Context, profile profiler.Profile) (profiler.Sink, error) {
	p.processes = profile.Processes
	return sink{}, nil
}

// sink exports nothing: what was measured is in the recording.
type sink struct{}

func (sink) Consume(context.Context, *recording.Batch) error { return nil }

func (sink) Finish(context.Context, profiler.Summary) ([]profiler.Artifact, error) { return nil, nil }

// Record implements profiler.ProfilerWithSource.
func (p *Profiler) Record(ctx context.Context, rec *trace.Recorder) error {
	track := rec.Track("hostmon")
	var meters []*meter
	for _, r := range p.processes {
		of := "core"
		if r.Kind != trace.ProcessCore {
			of = fmt.Sprintf("stage_%d_%s_rank%d", r.Stage, r.StageName, r.Rank)
		}
		meters = append(meters, newMeter(track, of, 3, processReader(r.PID),
			"cpu_percent", "voluntary_switches_per_s", "involuntary_switches_per_s", "rss_bytes"))
	}
	gpus, closeGPUs := nvml.Open()
	defer closeGPUs()
	for i, read := range gpus {
		meters = append(meters, newMeter(track, fmt.Sprintf("gpu%d", i), 0, read,
			"power_watts", "sm_clock_mhz", "memory_clock_mhz", "memory_used_bytes"))
	}
	tick := time.NewTicker(p.config.Interval)
	defer tick.Stop()
	for {
		for _, m := range meters {
			m.sample(time.Now())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// meter records counters of one thing.
type meter struct {
	track *trace.Track
	read  func() []float64 // a value for each counter now; NaN for one that cannot be read
	names []trace.NameID
	sums  int       // the first so many values grow: recorded is by how much a second
	last  []float64 // the values before; nil: none
	at    time.Time // when they were read
}

func newMeter(t *trace.Track, of string, sums int, read func() []float64, counters ...string) *meter {
	m := &meter{track: t, read: read, sums: sums}
	for _, c := range counters {
		m.names = append(m.names, trace.NameIn(trace.CategoryCounter, c+" "+of))
	}
	return m
}

func (m *meter) sample(now time.Time) {
	values := m.read()
	for i, v := range values {
		switch {
		case i < m.sums && m.last == nil:
			continue
		case i < m.sums:
			v = (v - m.last[i]) / now.Sub(m.at).Seconds()
		}
		if v >= 0 { // neither NaN nor a sum that shrank as a thread took its part along
			m.track.CountFloat(m.names[i], v)
		}
	}
	m.last, m.at = values, now
}
