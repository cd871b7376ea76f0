package profile_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// gauge is a profiler in memory that measures.
type gauge struct {
	*coretest.Exporter
	stopped func() (wire.SourceReply, error)

	mu    sync.Mutex
	stops int
}

func (g *gauge) Measures() bool { return true }
func (g *gauge) PID() int       { return 4711 }

func (g *gauge) StopSource(context.Context) (wire.SourceReply, error) {
	g.mu.Lock()
	g.stops++
	g.mu.Unlock()
	return g.stopped()
}

func (g *gauge) stopCount() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stops
}

func measured() (wire.SourceReply, error) {
	return wire.SourceReply{Stats: trace.Stats{Events: 50, Bytes: 1000, EventNs: 20}}, nil
}

// withGauge is a core whose profiles are exported by chrome and measured by g.
func withGauge(t *testing.T, g *gauge) *coretest.Core {
	t.Helper()
	g.Exporter = coretest.NewExporter("gauge")
	return coretest.New(t, coretest.Options{Profile: func(o *profile.Options) {
		known := o.Exporter
		o.Exporter = func(name string) (profile.Exporter, error) {
			if name == "gauge" {
				return g, nil
			}
			return known(name)
		}
		o.Profilers = []string{"chrome", "gauge"}
	}})
}

func TestProfilerThatMeasures(t *testing.T) {
	g := &gauge{stopped: measured}
	c := withGauge(t, g)
	v, err := c.Profiles.Start(t.Context(), profile.StartRequest{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(v.Processes, func(p profile.Process) bool { return p.Process == "profiler_gauge" })
	if i < 0 || v.Processes[i].PID != 4711 || v.Processes[i].Stage != nil || i != len(v.Processes)-2 || v.Processes[len(v.Processes)-1].Process != "core" {
		t.Fatalf("rows %+v", v.Processes)
	}
	open := g.Opens()[0]
	if s := open.Source; s == nil || filepath.Base(s.Path) != "profiler_gauge.seg" || s.Name != "gauge" || s.MaxBytes != (1<<29)/int64(len(v.Processes)) {
		t.Errorf("source %+v", s)
	}
	var of []string
	for _, p := range open.Profile.Processes {
		of = append(of, p.StageName)
		if p.PID == 0 || (p.Kind == trace.ProcessCore) != (p.StageName == "") {
			t.Errorf("told of %+v", p)
		}
	}
	if d := cmp.Diff([]string{"diffusion", "resize", ""}, of); d != "" {
		t.Errorf("told of the processes (-want +got):\n%s", d)
	}
	if chrome := c.Exporters["chrome"].Opens()[0]; chrome.Source != nil {
		t.Errorf("a profiler that does not measure was told to: %+v", chrome.Source)
	}
	v, err = c.Profiles.Stop(t.Context(), "")
	if err != nil || v.State != profile.StateComplete {
		t.Fatalf("%+v, %v", v, err)
	}
	if row := v.Processes[i]; row.Events != 50 || row.Ended != profile.ProcessStopped || row.Cost == nil || row.Cost.NsPerEvent != 20 {
		t.Errorf("row %+v", row)
	}
	for _, x := range []*coretest.Exporter{c.Exporters["chrome"], g.Exporter} {
		if segments := x.Finishes()[0].Segments; !slices.Contains(segments, "profiler_gauge.seg") {
			t.Errorf("%s exports %v", x.Name(), segments)
		}
	}
	if v.Cost == nil || v.Cost.Events != 50 || v.Cost.NsPerEvent != 20 || v.Cost.CoreShare <= 0 || manifest(t, c, v.ID).Cost == nil {
		t.Errorf("cost %+v", v.Cost)
	}
}

// Measuring that ended early is a warning; a process that died is an error of its row, as a rank's is.
func TestProfilerThatMeasuresBadly(t *testing.T) {
	for _, test := range []struct {
		name           string
		stopped        func() (wire.SourceReply, error)
		state          profile.State
		warning, error string
	}{
		{"early", func() (wire.SourceReply, error) {
			return wire.SourceReply{Problem: "record: no such device", Stats: trace.Stats{Events: 7}}, nil
		}, profile.StateComplete, "profiler_gauge did not measure to the end: record: no such device", ""},
		{"no answer", func() (wire.SourceReply, error) { return wire.SourceReply{}, errors.New("oh dear") },
			profile.StateFailed, "", "profiler_gauge: stop recording: oh dear"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := withGauge(t, &gauge{stopped: test.stopped})
			if _, err := c.Profiles.Start(t.Context(), profile.StartRequest{}); err != nil {
				t.Fatal(err)
			}
			v, err := c.Profiles.Stop(t.Context(), "")
			if err != nil || v.State != test.state || !strings.Contains(v.Error, test.error) {
				t.Fatalf("%+v, %v", v, err)
			}
			if test.warning != "" && !slices.Contains(v.Warnings, test.warning) {
				t.Errorf("warnings %q", v.Warnings)
			}
		})
	}
}

// A start that fails ends the measuring by Abort alone.
func TestProfilerThatMeasuresIsRolledBack(t *testing.T) {
	g := &gauge{stopped: measured}
	c := withGauge(t, g)
	c.Exporters["chrome"].OnOpen = func(context.Context, wire.OpenRequest) error { return errors.New("cannot") }
	if _, err := c.Profiles.Start(t.Context(), profile.StartRequest{}); err == nil {
		t.Fatal("it started")
	}
	if g.Aborts() != 1 || g.stopCount() != 0 {
		t.Errorf("%d aborts, %d stops", g.Aborts(), g.stopCount())
	}
	c.Exporters["chrome"].Mend()
	if _, err := c.Profiles.Start(t.Context(), profile.StartRequest{}); err != nil {
		t.Fatal(err)
	}
	if open := g.Opens(); open[len(open)-1].Source == nil {
		t.Error("the next profile is not measured")
	}
}
