//go:build !windows

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/core/profile"
)

const twoRanksTwoStages = `
server {
  model     = "emoji"
  profilers = ["chrome"]
}
profile {
  %s
}
model "emoji" {
  stage "diffusion" {
    plugin   = "dit"
    replicas = 2
  }
  stage "resize" {
  }
}
profiler "chrome" {}
%s
`

// theRequest is the one that is profiled; its neighbours differ in their steps.
const theRequest = `{"prompt":"twemoji star","seed":1,"num_inference_steps":4,"size":"64x64","n":2}`

// spansOf counts the spans of a merged trace by process and name, without the number of the process or rank.
func spansOf(t *testing.T, p *process, view profile.View, only string) map[string]int {
	t.Helper()
	r := p.get("/v1/profiles/" + view.ID + "/artifacts/merged/" + view.ID + ".trace.json.gz")
	if r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	counts := map[string]int{}
	for _, e := range parseTrace(t, r.body).Events {
		if e.Ph != "X" || strings.HasPrefix(e.Name, "ProfilerStep#") { // what TensorBoard wants of each denoise step
			continue
		}
		if id := e.request(); id != only {
			t.Errorf("a span %q of request %q is in the profile of %q", e.Name, id, only)
		}
		counts[e.Name]++
	}
	return counts
}

func (p *process) collect(id string) profile.View {
	p.t.Helper()
	r := p.post("/v1/profiles/"+id+"/stop", "")
	var view profile.View
	if err := json.Unmarshal(r.body, &view); err != nil || view.State != profile.StateComplete {
		p.t.Fatalf("%d %s %v", r.status, r.body, err)
	}
	return view
}

// TestOneRequest: with neighbours on every rank and stage, the profile of a request has that request's spans, all of them,
// and no others; a quiet server's whole profile of the same request says which those are.
func TestOneRequest(t *testing.T) {
	t.Run("plain", func(t *testing.T) { oneRequest(t, "") })
	t.Run("with the flight recorder", func(t *testing.T) { oneRequest(t, "flight_recorder {\n}") })
}

func oneRequest(t *testing.T, blocks string) {
	dir := t.TempDir()
	write(t, dir, "plugins.hcl", fmt.Sprintf(twoRanksTwoStages, "", blocks))
	p := startServerIn(t, dir)
	p.post("/start_profile", "")
	quiet := p.ask(theRequest, "quiet", "")
	want := spansOf(t, p, p.stopProfile(), quiet.header.Get("X-Request-Id"))
	if want["http"] != 1 || want["queue_wait"] != 2 || want["dispatch"] != 2 || want["pipeline_forward"] != 2 || want["denoise_step"] < 4 || want["resize::scale"] == 0 {
		t.Fatalf("the quiet profile has %v", want)
	}
	var stop atomic.Bool
	var neighbours sync.WaitGroup
	for i := range 4 {
		neighbours.Go(func() {
			for !stop.Load() { // one of them even calls itself like the one that is profiled
				id := [...]string{"shot", "a", "b", "c"}[i]
				if r := p.ask(`{"prompt":"red heart","num_inference_steps":2,"size":"48x48"}`, id, ""); r.status != 200 {
					t.Errorf("a neighbour got %d %s", r.status, r.body)
					return
				}
			}
		})
	}
	for range 3 {
		r := p.ask(theRequest, "shot", "1")
		id := r.header.Get("X-Strobe-Profile-Id")
		if r.status != 200 || id == "" {
			t.Fatalf("%d %v %s", r.status, r.header, r.body)
		}
		view := p.collect(id)
		if view.Requests != 1 || view.EndedBy != profile.EndedByRequest || view.Trigger != profile.TriggerRequest || view.Filtered == 0 {
			t.Errorf("%d requests, %d events filtered, ended by %s, trigger %s", view.Requests, view.Filtered, view.EndedBy, view.Trigger)
		}
		if diff := cmp.Diff(want, spansOf(t, p, view, r.header.Get("X-Request-Id"))); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if s := p.get("/v1/profiles/" + id + "/summary"); s.json(t)["requests"] != 1.0 {
			t.Errorf("the summary says %v requests", s.json(t)["requests"])
		}
	}
	stop.Store(true)
	neighbours.Wait()
}

// ask makes a generation with an id of its own, and with a wish for a profile unless that is empty.
func (p *process) ask(body, id, wish string) reply {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), "POST", p.url+"/v1/images/generations", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Request-Id", id)
	if wish != "" {
		req.Header.Set("X-Strobe-Profile", wish)
	}
	return p.send(req)
}

// TestOneRequestBusy: while another profile runs, and while one of a request is exported, requests are served.
func TestOneRequestBusy(t *testing.T) {
	p := startServer(t)
	p.post("/start_profile", "")
	r := p.ask(theRequest, "r", "1")
	if said := r.header.Get("X-Strobe-Profile-Status"); r.status != 200 || !strings.HasPrefix(said, "busy; reason=") {
		t.Errorf("%d %q", r.status, said)
	}
	if view := p.stopProfile(); view.Requests != 1 {
		t.Errorf("the other profile has %d requests", view.Requests)
	}
	if r := p.post("/stop_profile", ""); r.status != 409 {
		t.Errorf("there is something to collect: %d %s", r.status, r.body)
	}
}

// TestSampled: the configuration has some requests profiled, whose callers hear nothing of it.
func TestSampled(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "plugins.hcl", fmt.Sprintf(twoRanksTwoStages, "sample_every = 1", ""))
	p := startServerIn(t, dir)
	r := p.ask(theRequest, "drawn", "")
	if r.status != 200 || r.header.Get("X-Strobe-Profile-Id") != "" {
		t.Errorf("%d %v", r.status, r.header)
	}
	var list struct{ Profiles []profile.View }
	if err := json.Unmarshal(p.get("/v1/profiles?trigger=sample").body, &list); err != nil || len(list.Profiles) != 1 {
		t.Fatalf("%v %+v", err, list)
	}
	if spans := spansOf(t, p, p.collect(list.Profiles[0].ID), "drawn"); spans["http"] != 1 || spans["pipeline_forward"] != 2 {
		t.Error(spans)
	}
}
