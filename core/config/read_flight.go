package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/strobe-dev/strobe/internal/words"
	"github.com/strobe-dev/strobe/sdk/diag"
)

// Kinds of trigger.
const (
	TriggerSlow  = "slow"  // a request took longer than SlowerThan
	TriggerP99   = "p99"   // a request took longer than Factor times the moving 99th percentile
	TriggerError = "error" // a request failed, not by its caller's fault
	TriggerDeath = "death" // a rank's process died
)

// FlightRecorder is the block `flight_recorder`.
type FlightRecorder struct {
	Window   time.Duration // how far back events are kept
	MaxBytes int64         // of all processes' segments together, split equally between them, bytes
	Keep     int           // profiles kept that triggers, or a crash, made: beside profile.keep others
	Triggers []Trigger     // in order of the file, each kind at most once
	Origin
}

// Trigger is a block `trigger "kind"`: what makes a snapshot by itself.
type Trigger struct {
	Kind        string
	SlowerThan  time.Duration // of TriggerSlow
	Factor      float64       // of TriggerP99
	After       time.Duration // how much of what follows the snapshot holds too
	MinInterval time.Duration // from one snapshot of this trigger to the next, at least
	Origin
}

var triggerKinds = []string{TriggerSlow, TriggerP99, TriggerError, TriggerDeath}

const whyFlightBytes = "it is split equally between core and the ranks, each of which needs 8MiB"

// flightRecorder reads the block, nil when there is none, and reports whether max_bytes is a finding already.
func (r *reader) flightRecorder(b *hclsyntax.Block) (f *FlightRecorder, badBytes bool) {
	if b == nil {
		return nil, false
	}
	open := r.open("flight_recorder", header(b), b.Body, []string{"window", "max_bytes", "keep"}, []string{"trigger"})
	f = &FlightRecorder{
		Window:   open.duration("window", DefaultFlightWindow, MinFlightWindow, MaxFlightWindow),
		MaxBytes: open.size("max_bytes", DefaultFlightBytes, MinFlightBytes, MaxMaxBytes, whyFlightBytes),
		Keep:     open.whole("keep", DefaultFlightKeep, 1, MaxKeep),
		Origin:   open.Origin,
	}
	for _, inner := range open.inner {
		if t, ok := r.trigger(inner, f.Window); r.once(open.firsts, inner) && ok {
			f.Triggers = append(f.Triggers, t)
		}
	}
	return f, open.wrong["max_bytes"]
}

func (r *reader) trigger(b *hclsyntax.Block, window time.Duration) (Trigger, bool) {
	keys := []string{"after", "min_interval"}
	kind := r.label(b, false)
	switch {
	case kind == "":
		return Trigger{}, false
	case !slices.Contains(triggerKinds, kind):
		r.errorf(b.LabelRanges[0], words.Hint(kind, "triggers", triggerKinds), "trigger %q does not exist", kind)
		return Trigger{}, false
	case kind == TriggerSlow:
		keys = append([]string{"slower_than"}, keys...)
	case kind == TriggerP99:
		keys = append([]string{"factor"}, keys...)
	}
	open := r.open(blockName(b), header(b), b.Body, keys, nil)
	t := Trigger{
		Kind:        kind,
		After:       open.duration("after", min(DefaultTriggerAfter, window), 0, window),
		MinInterval: open.duration("min_interval", DefaultTriggerInterval, MinTriggerInterval, MaxMaxDuration),
		Origin:      open.Origin,
	}
	switch kind {
	case TriggerSlow:
		if open.absent("slower_than") {
			r.errorf(header(b), `write slower_than = "2s", the time that is too long for a request`, "%s has no slower_than", blockName(b))
			return t, false
		}
		t.SlowerThan = open.duration("slower_than", 2*time.Second, time.Millisecond, MaxRequestTimeout)
	case TriggerP99:
		t.Factor = open.factor()
	}
	return t, true
}

// factor is a number above 1.
func (b *block) factor() float64 {
	n := b.number("factor", DefaultTriggerFactor, fmt.Sprint(DefaultTriggerFactor))
	if n <= 1 || n > MaxTriggerFactor {
		b.bad("factor", "", "factor must be above 1 and at most %v, not %v", MaxTriggerFactor, n)
	}
	return n
}

// flightUnused is the summary of the warning about a block that does nothing.
const flightUnused = "flight_recorder is not used"

// warnFlight says that the command line turned the flight recorder off with the profilers, or takes back that the file did.
func (c *Config) warnFlight() {
	c.Warnings = slices.DeleteFunc(slices.Clone(c.Warnings), func(d Diagnostic) bool { return d.Summary == flightUnused })
	if c.FlightRecorder != nil && len(c.Server.Profilers) == 0 {
		c.Warnings = append(c.Warnings, c.FlightRecorder.finding(diag.Warning, nil, flightUnused,
			"profiling is off by --profiler none: nothing is remembered, and no trigger makes a snapshot"))
	}
}

// flightBudget finds a flight_recorder.max_bytes that is too small for the processes of the served model.
func (c *Config) flightBudget() Diagnostics {
	m, err := c.ServedModel()
	if err != nil || c.FlightRecorder == nil {
		return nil
	}
	need := m.processes() * MinFlightBytes
	if c.FlightRecorder.MaxBytes >= need {
		return nil
	}
	return Diagnostics{c.FlightRecorder.finding(diag.Error, diag.Path{"max_bytes"},
		fmt.Sprintf("%s is too small for the %d processes of model %q, which need %s",
			FormatSize(c.FlightRecorder.MaxBytes), m.processes(), m.Name, FormatSize(need)),
		whyFlightBytes)}
}

// processes that record: core and the ranks.
func (m *Model) processes() int64 {
	n := int64(1)
	for _, s := range m.Stages {
		n += int64(s.Replicas)
	}
	return n
}
