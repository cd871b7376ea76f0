package summary

import (
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestTextTellsTheCost(t *testing.T) {
	for _, test := range []struct {
		name   string
		events uint64
		ns     float64
		want   string
	}{
		{"little", 166_667, 12, "recording cost: 0.02 % of a core (12 ns an event)\n"},
		{"next to nothing", 10, 12, "recording cost: <0.01 % of a core (12 ns an event)\n"},
		{"much", 30_000_000, 20, "recording cost: 6.0 % of a core (20 ns an event)\n"},
		{"foreign writers", 166_667, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var a Aggregator
			a.AddLosses([]recording.Summary{{Process: &recording.Process{EventNs: test.ns}, Events: test.events, Recorded: 10 * time.Second}})
			text := a.Table().Text(80)
			if !strings.HasSuffix(text, "losses: none\n"+test.want) {
				t.Errorf("%s", text)
			}
		})
	}
}

// A profiler that measures by counters has no rows.
func TestTextOfAProfilerThatMeasures(t *testing.T) {
	f := newFixture(trace.Process{Kind: trace.ProcessProfiler, Name: "hostmon"}, 300, "hostmon")
	f.events = append(f.events, recording.Event{Kind: recording.Counter, Track: f.track, Name: f.name(trace.CategoryCounter, "power_watts gpu0"), Value: 300})
	if text := tableOf(f.batch()).Text(80); !strings.Contains(text, "\nprofiler hostmon: 1 event\n") || strings.Contains(text, "no spans") {
		t.Errorf("%s", text)
	}
}
