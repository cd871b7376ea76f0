//go:build !windows

package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// TestProfilerThatMeasures has hostmon measure a profile that chrome exports: the counters are in chrome's trace, and the
// reply says what recording cost.
func TestProfilerThatMeasures(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("hostmon reads /proc")
	}
	dir := t.TempDir()
	write(t, dir, "plugins.hcl", `
server {
  model     = "emoji"
  profilers = ["chrome", "hostmon"]
}
model "emoji" {
  stage "diffusion" {
    plugin = "dit"
  }
}
profiler "chrome" {}
profiler "hostmon" {
  config {
    interval = "50ms"
  }
}
`)
	p := startServerIn(t, dir)
	for range 2 { // the second profile is measured like the first
		p.post("/start_profile", "")
		p.draw(2, 4)
		time.Sleep(200 * time.Millisecond)
		view := p.stopProfile()
		if view.State != profile.StateComplete || len(view.Warnings) > 0 {
			t.Fatalf("%+v", view)
		}
		i := slices.IndexFunc(view.Processes, func(p profile.Process) bool { return p.Process == "profiler_hostmon" })
		if i < 0 || view.Processes[i].Events == 0 || view.Processes[i].PID == 0 || view.Processes[i].Losses.Total != 0 {
			t.Fatalf("processes: %+v", view.Processes)
		}
		if c := view.Cost; c == nil || c.Events != view.Events || c.NsPerEvent <= 0 || c.CoreShare <= 0 || c.CoreShare > 1 {
			t.Errorf("cost: %+v of %d events", c, view.Events)
		}
		merged := parseTrace(t, p.get("/v1/profiles/"+view.ID+"/artifacts/merged/"+view.ID+".trace.json.gz").body)
		checkMeasured(t, merged, view)
		table := string(p.get("/v1/profiles/" + view.ID + "/summary?format=text").body)
		for _, want := range []string{"recording cost: ", "profiler hostmon: "} {
			if !strings.Contains(table, want) {
				t.Errorf("the table has no %q:\n%s", want, table)
			}
		}
	}
}

// checkMeasured holds that hostmon's counters are a process's of their own, within the time of the profile.
func checkMeasured(t *testing.T, f traceFile, view profile.View) {
	t.Helper()
	pids := map[string]bool{}
	counted := map[string]int{}
	for _, e := range f.Events {
		if e.Ph == "M" && e.Name == "process_name" && e.Args["name"] == "profiler hostmon" {
			pids[e.PID.String()] = true
		}
		if e.Ph != "C" || !pids[e.PID.String()] {
			continue
		}
		counted[e.Name]++
		at := time.Unix(0, f.BaseTimeNanoseconds+int64(e.TS*1000))
		if at.Before(view.StartedAt.Add(-time.Second)) || at.After(view.StoppedAt.Add(time.Second)) {
			t.Errorf("%s at %v, the profile is from %v to %v", e.Name, at, view.StartedAt, view.StoppedAt)
		}
	}
	if len(pids) != 1 {
		t.Fatalf("pids of hostmon: %v", pids)
	}
	for _, of := range []string{"core", "stage_0_diffusion_rank0"} {
		for _, name := range []string{"cpu_percent", "rss_bytes", "voluntary_switches_per_s", "involuntary_switches_per_s"} {
			if name = fmt.Sprintf("%s %s", name, of); counted[name] < 2 {
				t.Errorf("%d samples of %q in %v", counted[name], name, counted)
			}
		}
	}
	if f.Strobe.Cost == nil || len(f.Strobe.Processes) != 3 {
		t.Errorf("strobe: %+v", f.Strobe)
	}
}
