package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	_ "image/png"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

func sortByStart(es []traceEvent) {
	slices.SortStableFunc(es, func(a, b traceEvent) int {
		switch {
		case a.TS != b.TS:
			return compare(a.TS, b.TS)
		default:
			return compare(b.Dur, a.Dur)
		}
	})
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// TestWholePath is the product's promise: serve, start, generate, stop; the table and the traces are there and true.
func TestWholePath(t *testing.T) {
	p := startServer(t)

	before := p.post("/v1/images/generations", `{"prompt":"red heart","size":"64x64","seed":1,"num_inference_steps":4,"response_format":"file"}`)
	if before.status != 200 || before.header.Get("Content-Type") != "image/png" {
		t.Fatalf("%d %s", before.status, before.body)
	}
	if img, _, err := image.DecodeConfig(bytes.NewReader(before.body)); err != nil || img.Width != 64 || img.Height != 64 {
		t.Fatalf("%+v, %v", img, err)
	}

	started := p.post("/start_profile", "")
	if started.status != 200 || started.json(t)["status"] != "SUCCESS" {
		t.Fatalf("%d %s", started.status, started.body)
	}
	const requests, steps = 3, 5
	chats := make([]reply, requests)
	var wg sync.WaitGroup
	for i := range chats {
		wg.Go(func() {
			chats[i] = p.post("/v1/chat/completions", fmt.Sprintf(
				`{"messages":[{"role":"user","content":"noto cat"}],"extra_body":{"height":128,"width":128,"num_inference_steps":%d,"seed":%d,"guidance_scale":1.5}}`, steps, i))
		})
	}
	wg.Wait()
	stopped := p.post("/stop_profile", "")
	if stopped.status != 200 {
		t.Fatalf("%d %s", stopped.status, stopped.body)
	}
	var view profile.View
	if err := json.Unmarshal(stopped.body, &view); err != nil {
		t.Fatal(err)
	}
	if view.State != profile.StateComplete || view.Losses.Total != 0 || view.Requests != requests || len(view.Artifacts) != 3 {
		t.Fatalf("%s", stopped.body)
	}

	merged := parseTrace(t, p.get("/v1/profiles/"+view.ID+"/artifacts/merged/"+view.ID+".trace.json.gz").body)
	checkHonest(t, merged)
	checkRows(t, merged)
	checkRequests(t, merged, requests, steps)
	for _, a := range view.Artifacts {
		gz, err := os.ReadFile(filepath.Join(p.dir, "profiles", view.ID, a.Path))
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(gz)) != a.Bytes {
			t.Errorf("%s: %d bytes on disk, the reply says %d", a.Name, len(gz), a.Bytes)
		}
		checkRows(t, parseTrace(t, gz))
	}
	for _, c := range chats {
		checkReplyAgainstTrace(t, c, merged)
	}

	table := p.get("/v1/profiles/" + view.ID + "/summary?format=text")
	for _, want := range []string{"denoise_step", "dit::linear", "GFLOP/s", "p99"} {
		if !strings.Contains(string(table.body), want) {
			t.Errorf("the table has no %q:\n%s", want, table.body)
		}
	}
	for _, line := range strings.Split(string(table.body), "\n") {
		if len([]rune(line)) > 80 {
			t.Errorf("wider than 80 columns: %q", line)
		}
	}
}

// checkRequests follows each request from core into the ranks.
func checkRequests(t *testing.T, f traceFile, requests, steps int) {
	t.Helper()
	https := f.named("http")
	if len(https) != requests {
		t.Fatalf("%d http spans, want %d", len(https), requests)
	}
	for _, h := range https {
		if h.request() == "" {
			t.Error("an http span without request_id")
		}
		for _, name := range []string{"queue_wait", "encode_image", "respond"} {
			if len(f.within(h, name)) == 0 {
				t.Errorf("request %s: no %s", h.request(), name)
			}
		}
		dispatches := f.within(h, "dispatch")
		if len(dispatches) != 2 {
			t.Fatalf("request %s: %d dispatch spans, want one a stage", h.request(), len(dispatches))
		}
		var forwards []traceEvent
		for _, e := range f.named("pipeline_forward") {
			if e.request() == h.request() {
				forwards = append(forwards, e)
			}
		}
		if len(forwards) != 2 {
			t.Fatalf("request %s: %d pipeline_forward spans, want one a stage", h.request(), len(forwards))
		}
		sortByStart(dispatches)
		sortByStart(forwards)
		for i := range forwards { // one clock: the rank's work lies inside core's call
			if forwards[i].TS < dispatches[i].TS || forwards[i].end() > dispatches[i].end() {
				t.Errorf("request %s: pipeline_forward [%.3f, %.3f] is not inside dispatch [%.3f, %.3f]", h.request(),
					forwards[i].TS, forwards[i].end(), dispatches[i].TS, dispatches[i].end())
			}
		}
		diffusion := one(t, f.within(forwards[0], "diffusion_forward"), "diffusion_forward")
		all := f.within(diffusion, "denoise_step")
		if len(all) != steps {
			t.Errorf("request %s: %d denoise steps, want %d", h.request(), len(all), steps)
		}
		for _, s := range all {
			if len(f.within(s, "blocks.3")) != 1 || len(f.within(s, "dit::linear")) == 0 {
				t.Errorf("request %s: a step without blocks.3 or dit::linear", h.request())
			}
		}
	}
	checkFlows(t, f, 2*requests)
}

// checkFlows holds that every arrow has both ends, and that each end lies in a slice.
func checkFlows(t *testing.T, f traceFile, want int) {
	t.Helper()
	starts, ends := map[string]traceEvent{}, map[string]traceEvent{}
	for _, e := range f.Events {
		switch e.Ph {
		case "s":
			starts[string(e.ID)] = e
		case "f":
			ends[string(e.ID)] = e
		}
	}
	if len(starts) != want || len(ends) != want {
		t.Fatalf("%d arrows leave and %d arrive, want %d", len(starts), len(ends), want)
	}
	for id, s := range starts {
		e, ok := ends[id]
		if !ok {
			t.Errorf("arrow %s leaves and never arrives", id)
			continue
		}
		if e.TS < s.TS {
			t.Errorf("arrow %s arrives %.3f µs before it leaves", id, s.TS-e.TS)
		}
	}
}

// checkReplyAgainstTrace holds that the figures in a reply are those in the trace, within 1 %.
func checkReplyAgainstTrace(t *testing.T, r reply, f traceFile) {
	t.Helper()
	if r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	var chat struct {
		Choices []struct {
			Message struct {
				Content []struct {
					ImageURL       struct{ URL string } `json:"image_url"`
					StageDurations map[string]float64   `json:"stage_durations"`
					PeakMemoryMB   float64              `json:"peak_memory_mb"`
				}
			}
		}
	}
	if err := json.Unmarshal(r.body, &chat); err != nil {
		t.Fatal(err)
	}
	content := chat.Choices[0].Message.Content[0]
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(content.ImageURL.URL, "data:image/png;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	if img, _, err := image.DecodeConfig(bytes.NewReader(data)); err != nil || img.Width != 128 {
		t.Errorf("%+v, %v", img, err)
	}
	id := r.header.Get("X-Request-Id")
	for _, e := range f.named("diffusion_forward") {
		if e.request() == id {
			near(t, "stage_durations[diffusion.diffuse]", content.StageDurations["diffusion.diffuse"], e.Dur/1e6)
		}
	}
	peak := 0.0
	for _, e := range f.Events {
		if total, ok := e.Args["Total Allocated"].(float64); ok && e.Name == "[memory]" && e.request() == id {
			peak = max(peak, total)
		}
	}
	near(t, "peak_memory_mb", content.PeakMemoryMB, peak/(1<<20))
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if want == 0 || math.Abs(got-want) > 0.01*want {
		t.Errorf("%s is %g in the reply and %g in the trace", what, got, want)
	}
}

// TestReplicas has two ranks serve one stage; both are in the profile.
func TestReplicas(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "plugins.hcl", `
server {
  model     = "emoji"
  profilers = ["chrome"]
}
model "emoji" {
  stage "diffusion" {
    plugin   = "dit"
    replicas = 2
  }
}
profiler "chrome" {}
`)
	p := startServerIn(t, dir)
	p.post("/start_profile", "")
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			r := p.post("/v1/images/generations", fmt.Sprintf(`{"prompt":"twemoji star","seed":%d,"num_inference_steps":3}`, i))
			if r.status != 200 {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
	wg.Wait()
	view := p.stopProfile()
	ranks := map[int]uint64{}
	for _, proc := range view.Processes {
		if proc.StageName == "diffusion" {
			ranks[*proc.Rank] = proc.Events
		}
	}
	if len(ranks) != 2 || ranks[0] == 0 || ranks[1] == 0 {
		t.Errorf("events by rank: %v", ranks)
	}
	r := p.post("/v1/images/generations", `{"prompt":"twemoji star","size":"64x64"}`)
	if r.status != 400 || !strings.Contains(string(r.body), "32x32") || !strings.Contains(string(r.body), `"size"`) {
		t.Errorf("a size that no stage makes: %d %s", r.status, r.body)
	}
}

func (p *process) stopProfile() profile.View {
	p.t.Helper()
	r := p.post("/stop_profile", "")
	var view profile.View
	if err := json.Unmarshal(r.body, &view); err != nil || r.status != 200 {
		p.t.Fatalf("%d %s %v", r.status, r.body, err)
	}
	return view
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSignalFinishesProfile ends a server in the middle of a profile: the artifacts are there, nobody is left.
func TestSignalFinishesProfile(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			p := startServer(t)
			p.post("/start_profile", "")
			if r := p.post("/v1/images/generations", `{"prompt":"noto dog","num_inference_steps":2}`); r.status != 200 {
				t.Fatalf("%d %s", r.status, r.body)
			}
			_ = p.cmd.Process.Signal(sig)
			<-p.ended
			if code := p.cmd.ProcessState.ExitCode(); code != 0 {
				t.Errorf("exit status %d\n%s", code, p.stderr)
			}
			files, _ := filepath.Glob(filepath.Join(p.dir, "profiles", "*", "merged", "*.trace.json.gz"))
			if len(files) != 1 {
				t.Fatalf("merged traces: %v\n%s", files, p.stderr)
			}
		})
	}
}

// TestRankDeath kills a rank: requests get one named error, the server and its other routes go on.
func TestRankDeath(t *testing.T) {
	p := startServer(t)
	p.post("/start_profile", "")
	view := func() (v profile.View) {
		r := p.get("/v1/profiles")
		var list struct{ Data, Profiles []profile.View }
		if err := json.Unmarshal(r.body, &list); err != nil {
			t.Fatalf("%s %v", r.body, err)
		}
		return append(list.Data, list.Profiles...)[0]
	}()
	var pid int
	for _, proc := range view.Processes {
		if proc.StageName == "diffusion" {
			pid = proc.PID
		}
	}
	if pid == 0 {
		t.Fatalf("no pid of the diffusion rank in %+v", view)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(pid, time.Second)
	r := p.post("/v1/images/generations", `{"prompt":"noto dog","num_inference_steps":2}`)
	if r.status < 500 || !strings.Contains(string(r.body), "model(dit)") {
		t.Errorf("a dead rank: %d %s", r.status, r.body)
	}
	stopped := p.post("/stop_profile", "")
	if stopped.status != 500 || !strings.Contains(string(stopped.body), "stage_0_diffusion_rank0") {
		t.Errorf("the reply hides the dead rank: %d %s", stopped.status, stopped.body)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		r := p.post("/v1/images/generations", `{"prompt":"noto dog","num_inference_steps":2}`)
		if r.status == 200 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the rank did not come back: %d %s", r.status, r.body)
		}
	}
	p.post("/start_profile", "")
	p.draw(1, 2)
	if view := p.stopProfile(); view.State != profile.StateComplete || view.Events == 0 {
		t.Errorf("a profile after the restart: %+v", view)
	}
}

// TestProfilingOff serves without a profiler: the profile routes say why they are not there.
func TestProfilingOff(t *testing.T) {
	p := startServer(t, "--profiler", "none")
	for _, path := range []string{"/start_profile", "/stop_profile", "/v1/profiles"} {
		if r := p.post(path, ""); r.status != 404 || !strings.Contains(string(r.body), "profiler") {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	if r := p.post("/v1/images/generations", `{"prompt":"noto dog","num_inference_steps":1}`); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// TestCrossSite refuses what a page of another site would send, GET too; a program sends no Origin.
func TestCrossSite(t *testing.T) {
	p := startServer(t)
	for name, header := range map[string]http.Header{
		"origin":    {"Origin": {"https://evil.example"}},
		"fetch":     {"Sec-Fetch-Site": {"cross-site"}},
		"same site": {"Sec-Fetch-Site": {"same-site"}},
	} {
		for _, method := range []string{"GET", "POST"} {
			req, err := http.NewRequestWithContext(t.Context(), method, p.url+"/start_profile", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = header
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != 403 {
				t.Errorf("%s, %s: %d", name, method, res.StatusCode)
			}
		}
	}
	if r := p.get("/start_profile"); r.status != 200 {
		t.Errorf("a program's GET: %d %s", r.status, r.body)
	}
}
