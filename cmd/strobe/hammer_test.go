package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// TestHammeredServer has 32 clients start, stop, look at, change, export and delete profiles of a server under load, at random:
// never are two profiles being made, every answer is one that the OpenAPI document has (the server itself holds it against
// that), none is an error of the server's, and in the end nothing is left: files, mappings, goroutines, processes, folders.
func TestHammeredServer(t *testing.T) {
	long := time.Second
	if os.Getenv("STROBE_TEST") == "full" {
		long = time.Minute
	}
	t.Run("starts as often as they like", func(t *testing.T) {
		got := hammerFor(t, long, "limits {\n starts_per_minute = 0\n}")
		if n := got["POST /v1/profiles 200"] + got["POST /start_profile 200"] + got["GET /start_profile 200"]; n == 0 {
			t.Error("no profile was started")
		}
	})
	t.Run("starts as often as they may", func(t *testing.T) {
		got := hammerFor(t, min(long, 10*time.Second), "")
		if got["POST /v1/profiles 429"]+got["POST /start_profile 429"] == 0 {
			t.Error("nobody was told to start less often")
		}
	})
}

// hammer is a server and what its clients got.
type hammer struct {
	t      *testing.T
	p      *process
	client *http.Client

	mu  sync.Mutex
	got map[string]int // "GET /ready 200"
}

// hammerFor hammers a server and gives how often each answer came.
func hammerFor(t *testing.T, long time.Duration, server string) map[string]int {
	h := &hammer{t: t, got: map[string]int{}}
	h.p = startInstant(t, instant{delay: time.Millisecond, replicas: 2, server: server + "\naccess_log = \"off\"",
		profile: "keep = 6", more: "flight_recorder {\n window = \"5s\"\n max_bytes = \"32MiB\"\n}\nprofiler \"perfetto\" {}"})
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(tr.CloseIdleConnections)
	h.client = &http.Client{Transport: tr, Timeout: time.Minute}
	h.p.post("/v1/profiles", `{"profilers":["chrome","perfetto"]}`) // what is started once is started
	h.p.post("/stop_profile", "")
	for range 50 {
		h.act()
	}
	tr.CloseIdleConnections()
	before := h.settle(nil)
	h.got = map[string]int{}
	var over atomic.Bool
	time.AfterFunc(long, func() { over.Store(true) })
	var wg sync.WaitGroup
	for n := range 32 + 4 {
		wg.Go(func() {
			for !over.Load() && !t.Failed() {
				if n < 32 {
					h.act()
				} else {
					h.call("POST", "/v1/images/generations", `{"prompt":"x"}`)
				}
			}
		})
	}
	wg.Wait()
	tr.CloseIdleConnections()
	after := h.settle(before)
	t.Logf("before: %v; after: %v", before, after)
	h.checkFolders()
	total := 0
	for _, n := range h.got {
		total += n
	}
	t.Logf("%d answers: %v", total, h.got)
	return h.got
}

// idsIn are the ids and states of a list, cut out of it: that it is as documented the server itself sees to.
var idsIn = regexp.MustCompile(`"id":"([^"]+)",(?:"dir":"[^"]*",)?"state":"([a-z]+)"`)

// act does one thing at random.
func (h *hammer) act() {
	list := idsIn.FindAllStringSubmatch(string(h.call("GET", "/v1/profiles", "")), -1)
	id, active := "20260101-000000-000000", 0
	if len(list) > 0 {
		id = list[rand.IntN(len(list))][1]
	}
	for _, v := range list {
		switch profile.State(v[2]) {
		case profile.StateStarting, profile.StateRecording, profile.StateStopping:
			active++
		}
	}
	if active > 1 {
		h.t.Errorf("%d profiles are being made at once", active)
	}
	one := "/v1/profiles/" + id
	method := []string{"GET", "POST"}[rand.IntN(2)]
	switch rand.IntN(16) {
	case 0, 1, 2:
		h.call("POST", "/v1/profiles", []string{"", `{"num_requests":2}`, `{"duration_s":0.01,"ranks":[0]}`,
			`{"num_steps":3,"start_step":1,"label":"steps"}`, `{"profilers":["chrome","perfetto"],"activities":["request","pprof"]}`}[rand.IntN(5)])
	case 3, 4:
		h.call(method, "/start_profile", "")
	case 5, 6:
		h.call(method, "/stop_profile", "")
	case 7, 8:
		h.call("POST", one+"/stop", []string{"", `{"wait":false}`}[rand.IntN(2)])
	case 9:
		h.call("DELETE", one, "")
	case 10:
		h.call("PATCH", one, fmt.Sprintf(`{"label":"l","pinned":%v}`, rand.IntN(4) == 0))
	case 11:
		h.call("POST", "/v1/images/generations", `{"prompt":"x","profile":true}`)
	case 12:
		h.call("POST", "/v1/profiles/snapshot", `{"last_s":1}`)
	case 13:
		h.call("POST", one+"/export", `{"profiler":"perfetto","wait":false}`)
	default:
		h.call("GET", one+[]string{"", "/summary", "/artifacts", "/artifacts.zip"}[rand.IntN(4)], "")
	}
}

// call makes a request, one in sixteen with a client that goes away, and judges the answer.
func (h *hammer) call(method, path, body string) []byte {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	hasty := rand.IntN(16) == 0
	if hasty {
		time.AfterFunc(time.Duration(rand.IntN(5000))*time.Microsecond, cancel)
	}
	req, err := http.NewRequestWithContext(ctx, method, h.p.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Error(err)
		return nil
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := h.client.Do(req)
	if err != nil {
		if !hasty {
			h.t.Errorf("%s %s: %s", method, path, err)
		}
		return nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		if !hasty && !strings.HasSuffix(path, ".zip") { // a zip of a profile that is deleted meanwhile is broken off
			h.t.Errorf("%s %s: %s", method, path, err)
		}
		return nil
	}
	if res.StatusCode >= 500 && res.StatusCode != http.StatusServiceUnavailable {
		h.t.Errorf("%s %s %s: %d %s", method, path, body, res.StatusCode, text)
	}
	if rest, ok := strings.CutPrefix(path, "/v1/profiles/2"); ok { // an id begins with its year
		_, rest, _ = strings.Cut(rest, "/")
		path = strings.TrimSuffix("/v1/profiles/{id}/"+rest, "/")
	}
	h.mu.Lock()
	h.got[fmt.Sprintf("%s %s %d", method, path, res.StatusCode)]++
	h.mu.Unlock()
	return text
}

// standing is what a server's processes hold.
type standing struct {
	processes  int // beside core
	files      int // open, of all processes
	segments   int // mapped, of all processes
	mappings   int // of core
	goroutines int // of core
}

// slack is how much more there may be at the end: a pooled connection, a ring that is one segment further.
var slack = standing{processes: 0, files: 8, segments: 4, mappings: 200, goroutines: 8}

func (s standing) over(before standing) bool {
	return s.processes > before.processes+slack.processes || s.files > before.files+slack.files || s.segments > before.segments+slack.segments ||
		s.mappings > before.mappings+slack.mappings || s.goroutines > before.goroutines+slack.goroutines
}

// settle waits until nothing is active and, with what was before, until no more is held than then.
func (h *hammer) settle(before *standing) *standing {
	h.t.Helper()
	h.call("POST", "/stop_profile", "")
	var now standing
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		list := idsIn.FindAllStringSubmatch(string(h.p.get("/v1/profiles").body), -1)
		if slices.ContainsFunc(list, func(v []string) bool { return !profile.State(v[2]).Final() }) {
			continue
		}
		if now = h.standing(); before == nil || !now.over(*before) {
			return &now
		}
	}
	h.t.Errorf("it does not come to rest: %+v, before %+v", now, before)
	return &now
}

var goroutinesIn = regexp.MustCompile(`(?m)^go_goroutines (\d+)`)

func (h *hammer) standing() (s standing) {
	core := h.p.cmd.Process.Pid
	pids := append(childrenOf(core), core)
	s.processes = len(pids) - 1
	for _, pid := range pids {
		files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)) // a process may have ended meanwhile
		s.files += len(files)
		maps, _ := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
		s.segments += bytes.Count(maps, []byte(".seg"))
		if pid == core {
			s.mappings = bytes.Count(maps, []byte("\n"))
		}
	}
	if m := goroutinesIn.FindSubmatch(h.p.get("/metrics").body); m != nil {
		s.goroutines, _ = strconv.Atoi(string(m[1]))
	}
	return s
}

// checkFolders holds what is on disk against the list.
func (h *hammer) checkFolders() {
	h.t.Helper()
	var list struct{ Profiles []profile.View }
	if err := json.Unmarshal(h.p.get("/v1/profiles").body, &list); err != nil {
		h.t.Fatal(err)
	}
	want := map[string]bool{}
	for _, v := range list.Profiles {
		want[v.ID] = true
	}
	entries, err := os.ReadDir(filepath.Join(h.p.dir, "profiles"))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range entries {
		if !want[e.Name()] && !strings.HasPrefix(e.Name(), ".flight") {
			h.t.Errorf("%s is left behind", e.Name())
		}
		delete(want, e.Name())
		if staged, _ := filepath.Glob(filepath.Join(h.p.dir, "profiles", e.Name(), ".export-*")); len(staged) > 0 {
			h.t.Errorf("%v are left behind", staged)
		}
	}
	if len(want) > 0 {
		h.t.Errorf("%v are not on disk", slices.Collect(maps.Keys(want)))
	}
}
