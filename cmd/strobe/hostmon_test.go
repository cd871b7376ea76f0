//go:build !windows

package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"
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

// TestProfilerThatMeasuresDies kills hostmon in the middle of a profile: what it had measured is in chrome's trace, the reply
// names it, and the next profile is measured again.
func TestProfilerThatMeasuresDies(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("hostmon reads /proc")
	}
	p := startServer(t, "--profiler", "chrome", "--profiler", "hostmon")
	p.post("/start_profile", "")
	p.draw(1, 4)
	time.Sleep(500 * time.Millisecond)
	row := measuredRow(t, p.profiles()[0])
	if err := syscall.Kill(row.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(row.PID, time.Second)
	stopped := p.post("/stop_profile", "")
	if stopped.status != 500 || !strings.Contains(string(stopped.body), "profiler_hostmon") {
		t.Errorf("the reply hides the dead profiler: %d %s", stopped.status, stopped.body)
	}
	view := p.profiles()[0]
	if row := measuredRow(t, view); row.Events == 0 || row.Ended != profile.ProcessDied || row.Cost == nil {
		t.Errorf("row %+v", row)
	}
	for _, e := range view.Exports {
		if e.State != profile.ExportComplete {
			t.Errorf("export %+v", e)
		}
	}
	merged := parseTrace(t, p.get("/v1/profiles/"+view.ID+"/artifacts/merged/"+view.ID+".trace.json.gz").body)
	if !slices.ContainsFunc(merged.Events, func(e traceEvent) bool { return e.Ph == "C" && e.Name == "cpu_percent core" }) {
		t.Error("what was measured before is not in the trace")
	}
	p.post("/start_profile", "")
	p.draw(1, 4)
	if view := p.stopProfile(); view.State != profile.StateComplete || measuredRow(t, view).Events == 0 {
		t.Errorf("the next profile: %+v", view)
	}
}

func measuredRow(t *testing.T, v profile.View) profile.Process {
	t.Helper()
	i := slices.IndexFunc(v.Processes, func(p profile.Process) bool { return p.Process == "profiler_hostmon" })
	if i < 0 {
		t.Fatalf("no row of hostmon in %+v", v.Processes)
	}
	return v.Processes[i]
}

// profiles are those that the server knows, the newest first.
func (p *process) profiles() []profile.View {
	p.t.Helper()
	var list struct{ Data, Profiles []profile.View }
	if r := p.get("/v1/profiles"); json.Unmarshal(r.body, &list) != nil {
		p.t.Fatalf("%d %s", r.status, r.body)
	}
	return append(list.Data, list.Profiles...)
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
