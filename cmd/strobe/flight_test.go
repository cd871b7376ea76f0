package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

const flightHCL = `
flight_recorder {
  window = "20s"
  trigger "slow" {
    slower_than = "%s"
    after       = "300ms"
  }
  trigger "death" {
    after = "0s"
  }
}
model "emoji" {
  stage "diffusion" {
    plugin = "dit"
  }
  stage "resize" {
  }
}
profiler "chrome" {
}
`

// startFlying starts a server that remembers, with a bound for slow requests.
func startFlying(t *testing.T, slow string) *process {
	dir := t.TempDir()
	write(t, dir, "plugins.hcl", fmt.Sprintf(flightHCL, slow))
	return startServerIn(t, dir)
}

func (p *process) newest(trigger string) (profile.View, bool) {
	var list struct{ Profiles []profile.View }
	if r := p.get("/v1/profiles"); json.Unmarshal(r.body, &list) != nil {
		p.t.Fatalf("%d %s", r.status, r.body)
	}
	for _, v := range list.Profiles {
		if v.Trigger == trigger && v.State.Final() {
			return v, true
		}
	}
	return profile.View{}, false
}

func (p *process) await(trigger string) profile.View {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if v, ok := p.newest(trigger); ok {
			return v
		}
	}
	p.t.Fatalf("trigger %q made no snapshot\n%s", trigger, p.stderr)
	panic("unreachable")
}

// TestSnapshotOfThePast generates without a profile, and then wants to know where the time went: all ranks and core, on
// one clock. A profile in between is a profile like any other.
func TestSnapshotOfThePast(t *testing.T) {
	p := startFlying(t, "1h")
	const requests, steps = 2, 4
	generate := func() {
		var wg sync.WaitGroup
		for i := range requests {
			wg.Go(func() {
				r := p.post("/v1/images/generations", fmt.Sprintf(`{"prompt":"noto cat","size":"64x64","seed":%d,"num_inference_steps":%d,"guidance_scale":1.5}`, i, steps))
				if r.status != 200 {
					t.Errorf("%d %s", r.status, r.body)
				}
			})
		}
		wg.Wait()
	}
	check := func(v profile.View) {
		t.Helper()
		if v.State != profile.StateComplete || v.Losses.Total != 0 || v.Requests != requests || len(v.Processes) != 3 || len(v.Artifacts) != 3 {
			t.Fatalf("%+v", v)
		}
		f := parseTrace(t, p.get("/v1/profiles/"+v.ID+"/artifacts/merged/"+v.ID+".trace.json.gz").body)
		checkHonest(t, f)
		checkRows(t, f)
		checkRequests(t, f, requests, steps)
	}
	generate()
	status, out, errs := strobeFor(t, p, "profile", "snapshot", "--label", "what was that")
	if status != 0 || !strings.Contains(out, "ended by snapshot") || !strings.Contains(out, "denoise_step") {
		t.Fatalf("status %d\n%s\n%s", status, out, errs)
	}
	v, _ := p.newest("")
	check(v)

	p.post("/start_profile", "")
	if r := p.post("/v1/profiles/snapshot", ""); r.status != 409 || !strings.Contains(string(r.body), "profile_active") {
		t.Errorf("a snapshot during a profile: %d %s", r.status, r.body)
	}
	generate()
	stopped := p.post("/stop_profile", "")
	if err := json.Unmarshal(stopped.body, &v); err != nil {
		t.Fatal(err)
	}
	check(v)
	generate()
	again := p.post("/v1/profiles/snapshot", `{"last_s":19.5}`)
	if err := json.Unmarshal(again.body, &v); err != nil {
		t.Fatal(err)
	}
	check(v) // what was before the profile is forgotten
	p.stop()
	if left, _ := filepath.Glob(filepath.Join(p.dir, "profiles", ".*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestTriggeredSnapshots has a slow request and a dead rank make profiles.
func TestTriggeredSnapshots(t *testing.T) {
	p := startFlying(t, "1ms")
	p.draw(1, 3)
	v := p.await(profile.TriggerSlow)
	if v.State != profile.StateComplete || v.Requests != 1 || !strings.HasPrefix(v.Label, "slow: a request took ") {
		t.Errorf("%+v", v)
	}
	pid := v.Processes[0].PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	v = p.await(profile.TriggerDeath)
	dead := v.Processes[0]
	if v.State != profile.StateComplete || dead.PID != pid || dead.Ended != profile.ProcessDied || dead.Events == 0 {
		t.Errorf("%+v", v)
	}
	found := 0
	for _, a := range v.Artifacts {
		if a.Stage == nil || *a.Stage != 0 {
			continue
		}
		gz, err := os.ReadFile(filepath.Join(p.dir, "profiles", v.ID, a.Path))
		if err != nil {
			t.Fatal(err)
		}
		found += len(parseTrace(t, gz).named("denoise_step"))
	}
	if found != 3 {
		t.Errorf("%d denoise steps of the dead rank, want 3", found)
	}
}
