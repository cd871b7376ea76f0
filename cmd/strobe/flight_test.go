package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

const flightHCL = `
server {
  limits {
    starts_per_minute = 0 # the benchmark takes more
  }
}
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
func startFlying(t testing.TB, slow string) *process {
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
	again := p.post("/v1/profiles/snapshot", `{"last_s":19.5,"wait":true}`)
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

// BenchmarkSnapshot times the replies to snapshots of a server that has drawn for the whole window, while it draws and
// while it does not. The reply comes when the past is safe; with wait=true when it is exported, too.
func BenchmarkSnapshot(b *testing.B) {
	p := startFlying(b, "1h")
	for i, began := 0, time.Now(); time.Since(began) < 20*time.Second; i++ {
		p.draw(i, 20)
	}
	for _, load := range []bool{false, true} {
		b.Run(fmt.Sprintf("load=%v", load), func(b *testing.B) {
			var stop atomic.Bool
			var wg sync.WaitGroup
			defer wg.Wait()
			defer stop.Store(true)
			for i := 0; load && i < 2; i++ {
				wg.Go(func() {
					for !stop.Load() {
						p.draw(i, 20)
					}
				})
			}
			var safe, exported []float64
			for range b.N {
				began := time.Now()
				v := p.snapshot("")
				safe = append(safe, float64(time.Since(began))/1e6)
				p.post("/v1/profiles/"+v.ID+"/stop", "") // waits for its end
				began = time.Now()
				p.snapshot("?wait=true")
				exported = append(exported, float64(time.Since(began))/1e6)
			}
			b.ReportMetric(median(safe), "safe-ms")
			b.ReportMetric(median(exported), "exported-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func (p *process) snapshot(query string) (v profile.View) {
	p.t.Helper()
	r := p.post("/v1/profiles/snapshot"+query, "")
	if err := json.Unmarshal(r.body, &v); err != nil || r.status != 200 {
		p.t.Fatalf("%d %s", r.status, r.body)
	}
	return v
}

// BenchmarkServingFlight tells what the flight recorder costs: an iteration is one pair, the same pictures by a server that
// remembers and by one that does not, in random order. Run it with -benchtime 40x or more.
func BenchmarkServingFlight(b *testing.B) {
	with, without := startFlying(b, "1h"), startServer(b)
	warm(with)
	warm(without)
	draw := func(p *process) float64 {
		began := time.Now()
		for i := range imagesPerSide {
			p.draw(i, 20)
		}
		return float64(time.Since(began))
	}
	var ratios []float64
	for range b.N {
		var on, off float64
		if rand.N(2) == 0 {
			on, off = draw(with), draw(without)
		} else {
			off, on = draw(without), draw(with)
		}
		ratios = append(ratios, off/on)
	}
	median, low, high := medianInterval(ratios)
	b.ReportMetric(median, "on/off")
	b.ReportMetric(low, "low95")
	b.ReportMetric(high, "high95")
	b.ReportMetric(0, "ns/op")
}
