package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// TestKillsLoseNothing kills model plugin, profiler plugin and core with SIGKILL, single and together, in each state of a
// profile, under load, and then holds the artifact against what was counted outside, by the plugins for themselves and by
// the clients for core: every span whose End had returned is there, every one whose Begin had returned is there and marked
// open, and none is missing in between.
func TestKillsLoseNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("finds a server's plugins in /proc; run it on Linux")
	}
	rounds := 8
	if os.Getenv("STROBE_TEST") == "full" {
		rounds = 220
	}
	f := newFault(t)
	for f.round = range rounds {
		f.once()
		if t.Failed() {
			t.Fatalf("round %d of seed %d; log of the server:\n%s", f.round, f.seed, f.p.stderr)
		}
	}
	t.Logf("%d kills: %v", f.kills, f.did)
}

// fault is a server that is killed again and again, in one folder.
type fault struct {
	t        *testing.T
	dir      string
	counters string
	seed     uint64
	random   *rand.Rand
	round    int
	p        *process
	deaths   int // of the model plugin under this server: each costs a longer wait
	kills    int
	did      map[string]int
	url      atomic.Value  // string: where the load goes, the server of the moment
	load     chan struct{} // closed: ends

	mu      sync.Mutex
	answers []answer
}

// answer is a request that was answered well: then core had begun its spans, and ended all of them but the outermost.
type answer struct {
	id             string
	sent, answered time.Time
}

func newFault(t *testing.T) *fault {
	seed := uint64(time.Now().UnixNano())
	f := &fault{t: t, dir: t.TempDir(), seed: seed, random: rand.New(rand.NewPCG(seed, 0)), did: map[string]int{}}
	f.counters = filepath.Join(f.dir, "counters")
	if err := os.Mkdir(f.counters, 0o700); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	write(t, f.dir, "plugins.hcl", fmt.Sprintf(`
server {
  profilers = ["chrome"]
}
profile {
  keep      = 5
  max_bytes = "64MiB"
}
model "counted" {
  stage "diffusion" {
    plugin = "counted"
    config {
      counters = %q
    }
  }
}
profiler "chrome" {}
plugin "counted" {
  kind    = "model"
  command = [%q, %q]
}
`, f.counters, exe, countedArg))
	f.serve()
	f.load = make(chan struct{})
	var wg sync.WaitGroup
	t.Cleanup(func() { close(f.load); wg.Wait() })
	wg.Go(f.pressure)
	return f
}

func (f *fault) serve() {
	f.p = startServerIn(f.t, f.dir)
	f.deaths = 0
	f.url.Store(f.p.url)
}

// pressure keeps requests coming, whatever becomes of them.
func (f *fault) pressure() {
	for n := 0; ; n++ {
		select {
		case <-f.load:
			return
		case <-time.After(2 * time.Millisecond):
		}
		a := answer{id: fmt.Sprintf("oracle-%d", n), sent: time.Now()}
		status, _, err := call("POST", f.url.Load().(string)+"/v1/images/generations", `{"prompt":"x"}`, "X-Request-Id", a.id)
		if err == nil && status == 200 {
			a.answered = time.Now()
			f.mu.Lock()
			f.answers = append(f.answers, a)
			f.mu.Unlock()
		}
	}
}

// answeredIn takes the ids of the requests that were sent and answered within a time.
func (f *fault) answeredIn(from, to time.Time) (ids []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.answers {
		if a.sent.After(from) && a.answered.Before(to) {
			ids = append(ids, a.id)
		}
	}
	f.answers = nil
	return ids
}

// call is a request whose server may die. headers are names and values in turn.
func call(method, url, body string, headers ...string) (int, []byte, error) {
	client := http.Client{Timeout: time.Minute}
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, text, err
}

// victims of a kill.
type victims struct{ model, profiler, core bool }

func (v victims) String() string {
	var names []string
	for name, is := range map[string]bool{"model": v.model, "profiler": v.profiler, "core": v.core} {
		if is {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, "+")
}

// states in which a kill is aimed at.
const (
	inStarting = iota
	inRecording
	inStopping
	states
)

func (f *fault) once() {
	n := 1 + f.random.IntN(7)
	v := victims{model: n&1 != 0, profiler: n&2 != 0, core: n&4 != 0 || f.deaths >= 2}
	state := f.random.IntN(states)
	f.did[fmt.Sprintf("%s in %s", v, [...]string{"starting", "recording", "stopping"}[state])]++
	f.waitUp()
	model := f.plugin(countedArg)[0]
	if state == inStarting {
		f.starting(v, model)
		return
	}
	view := f.start()
	began := time.Now()
	from := readCounters(f.t, f.counters, model)
	f.pause(20, 120)
	until := time.Now()
	if state == inRecording {
		f.kill(v, model)
		to := readCounters(f.t, f.counters, model)
		if !v.model && !v.core { // it lives on
			to = counters{}
		}
		f.finish(v, view.ID)
		f.check(view.ID, model, &from, to)
		f.checkCore(view.ID, f.answeredIn(began, until))
		return
	}
	to := readCounters(f.t, f.counters, model)
	stopped := make(chan struct{})
	url := f.p.url
	go func() {
		_, _, _ = call("POST", url+"/v1/profiles/"+view.ID+"/stop", "")
		close(stopped)
	}()
	f.pause(0, 30)
	f.kill(v, model)
	<-stopped
	f.finish(v, view.ID)
	for w := range to { // what was open then had ended, or not, when the recording did
		to[w].begun = 0
	}
	f.check(view.ID, model, &from, to)
	f.checkCore(view.ID, f.answeredIn(began, until))
}

// starting kills while a profile starts. There may be none then; if there is one, nothing is missing in it.
func (f *fault) starting(v victims, model int) {
	answered := make(chan struct{})
	url := f.p.url
	go func() {
		_, _, _ = call("POST", url+"/v1/profiles", "{}")
		close(answered)
	}()
	f.pause(0, 25)
	f.kill(v, model)
	<-answered
	if v.core {
		f.serve()
	}
	for _, one := range f.list() {
		if !one.State.Final() {
			f.settled(one.ID)
			f.check(one.ID, model, nil, counters{})
		} else if one.State == profile.StateRecovered {
			f.check(one.ID, model, nil, counters{})
		}
	}
}

func (f *fault) pause(from, to int) {
	time.Sleep(time.Duration(from*1000+f.random.IntN((to-from)*1000)) * time.Microsecond)
}

// plugin finds the processes of a plugin of the server by a word of their command line.
func (f *fault) plugin(word string) []int {
	var pids []int
	for _, pid := range childrenOf(f.p.cmd.Process.Pid) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if bytes.Contains(line, []byte(word)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// kill kills the victims at once and returns when they are gone.
func (f *fault) kill(v victims, model int) {
	var pids []int
	if v.core {
		pids = append(pids, f.p.cmd.Process.Pid)
	}
	if v.model {
		pids = append(pids, model)
		f.deaths++
	}
	if v.profiler {
		pids = append(pids, f.plugin("chrome")...)
	}
	f.random.Shuffle(len(pids), func(i, j int) { pids[i], pids[j] = pids[j], pids[i] })
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			f.t.Fatalf("kill %d: %v", pid, err)
		}
	}
	f.kills++
	if v.core {
		<-f.p.ended
		pids = append(pids, model)
	}
	for _, pid := range pids {
		for end := time.Now().Add(10 * time.Second); !ended(pid); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				f.t.Fatalf("process %d outlives the kill of %s", pid, v)
			}
		}
	}
}

// ended tells whether a process has ended, though nobody may have waited for it yet.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, state, _ := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')'):]), ") ")
	return strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X")
}

// finish brings the profile to its end: by a stop, or by a new server.
func (f *fault) finish(v victims, id string) {
	if v.core {
		f.serve()
		if f.random.IntN(3) == 0 {
			f.killRecovery()
		}
	}
	view := f.settled(id)
	text := strings.Join(view.Warnings, "\n") + view.Error
	switch {
	case v.core && view.State != profile.StateRecovered && view.State != profile.StateComplete && !v.model:
		f.t.Errorf("after the death of %s: %s", v, show(view))
	case v.core && view.State == profile.StateRecovered && !strings.Contains(text, "the server ended"):
		f.t.Errorf("the manifest does not say what happened: %s", show(view))
	case !v.core && !v.model && view.State != profile.StateComplete:
		f.t.Errorf("after the death of %s: %s", v, show(view))
	}
	for _, e := range view.Exports {
		if e.State != profile.ExportComplete {
			f.t.Errorf("after the death of %s an export is %s", v, show(view))
		}
	}
}

// killRecovery kills the server that recovers a profile, or the profiler that exports it.
func (f *fault) killRecovery() {
	f.pause(0, 40)
	v := victims{core: f.random.IntN(2) == 0}
	v.profiler = !v.core
	f.did[fmt.Sprintf("%s in recovering", v)]++
	f.kill(v, f.plugin(countedArg)[0])
	if v.core {
		f.serve()
	}
}

func show(v profile.View) string {
	text, _ := json.MarshalIndent(v, "", " ")
	return string(text)
}

// settled stops a profile, or waits for its recovery, and gives its result.
func (f *fault) settled(id string) profile.View {
	f.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		status, body, err := call("POST", f.p.url+"/v1/profiles/"+id+"/stop", "")
		var v profile.View
		if err == nil && status == 200 && json.Unmarshal(body, &v) == nil && v.State.Final() {
			return v
		}
		if time.Now().After(end) {
			f.t.Fatalf("profile %s does not end: %d %s %v\n%s", id, status, body, err, f.p.stderr)
		}
	}
}

func (f *fault) list() []profile.View {
	r := f.p.get("/v1/profiles")
	var list struct{ Data, Profiles []profile.View }
	if err := json.Unmarshal(r.body, &list); err != nil {
		f.t.Fatalf("%s %v", r.body, err)
	}
	return append(list.Data, list.Profiles...)
}

// waitUp waits until the server's rank is up.
func (f *fault) waitUp() {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		status, body, err := call("POST", f.p.url+"/v1/images/generations", `{"prompt":"x"}`)
		if err == nil && status == 200 && len(f.plugin(countedArg)) == 1 {
			return
		}
		if time.Now().After(end) {
			f.t.Fatalf("the server does not come back: %d %s %v\n%s", status, body, err, f.p.stderr)
		}
	}
}

func (f *fault) start() profile.View {
	f.t.Helper()
	r := f.p.post("/v1/profiles", "{}")
	var v profile.View
	if err := json.Unmarshal(r.body, &v); err != nil || r.status >= 300 {
		f.t.Fatalf("start: %d %s %v\n%s", r.status, r.body, err, f.p.stderr)
	}
	return v
}

// check holds a profile's merged trace against the counters. from is where the process was at latest when it began to
// record, to how far it is known to have come; zero: unknown.
func (f *fault) check(id string, pid int, from *counters, to counters) {
	f.t.Helper()
	gz, err := os.ReadFile(filepath.Join(f.dir, "profiles", id, "merged", id+".trace.json.gz"))
	if err != nil {
		if from == nil && os.IsNotExist(err) {
			return // it had not come to any recording
		}
		f.t.Errorf("profile %s: %v", id, err)
		return
	}
	for w, seen := range f.workIn(gz, pid) {
		if len(seen) == 0 {
			if from != nil {
				f.t.Errorf("profile %s: nothing of thread %d", id, w)
			}
			continue
		}
		lo, hi := uint64(1<<62), uint64(0)
		for seq := range seen {
			lo, hi = min(lo, seq), max(hi, seq)
		}
		if n := uint64(len(seen)); n != hi-lo+1 {
			f.t.Errorf("profile %s: %d spans of thread %d between %d and %d are missing", id, hi-lo+1-n, w, lo, hi)
		}
		if from != nil && lo > from[w].ended+2 { // the one after it may have begun before the recording did
			f.t.Errorf("profile %s: thread %d begins at %d, it was at %d when the start was answered", id, w, lo, from[w].ended)
		}
		if hi < to[w].ended || hi < to[w].begun {
			f.t.Errorf("profile %s: thread %d ends at %d, it had begun %d and ended %d", id, w, hi, to[w].begun, to[w].ended)
		}
		for seq, open := range seen {
			if open && (seq != hi || seq <= to[w].ended) {
				f.t.Errorf("profile %s: span %d of thread %d is marked open; ended %d, last %d", id, seq, w, to[w].ended, hi)
			}
		}
	}
}

// checkCore holds a profile's merged trace against the requests that were answered while it recorded: core has each one's
// spans, ended but for the outermost, which ends after the reply.
func (f *fault) checkCore(id string, answered []string) {
	f.t.Helper()
	gz, err := os.ReadFile(filepath.Join(f.dir, "profiles", id, "merged", id+".trace.json.gz"))
	if err != nil {
		f.t.Errorf("profile %s: %v", id, err)
		return
	}
	seen := map[string]bool{} // name and request: it has ended
	for _, e := range parseTrace(f.t, gz).Events {
		if request, ok := e.Args["request_id"].(string); ok && e.Ph == "X" {
			open, _ := e.Args["open"].(bool)
			seen[e.Name+" of "+request] = !open
		}
	}
	for _, request := range answered {
		for _, name := range []string{"http", "queue_wait", "dispatch"} {
			ended, there := seen[name+" of "+request]
			if !there || !ended && name != "http" {
				f.t.Errorf("profile %s: span %s of request %s, which was answered, is there: %v, ended: %v", id, name, request, there, ended)
			}
		}
	}
	f.did["requests in profiles"] += len(answered)
}

// workIn gives, for each thread of a process, the numbers of its spans, and which are marked open.
func (f *fault) workIn(gz []byte, pid int) [countedWorkers]map[uint64]bool {
	var seen [countedWorkers]map[uint64]bool
	for w := range seen {
		seen[w] = map[uint64]bool{}
	}
	for _, e := range parseTrace(f.t, gz).Events {
		if e.Name != "oracle::work" || e.Ph != "X" {
			continue
		}
		seq, ok := e.Args["seq"].(float64)
		worker, _ := e.Args["worker"].(float64)
		process, _ := e.Args["process"].(float64)
		if !ok || int(process) != pid {
			continue
		}
		if _, twice := seen[int(worker)][uint64(seq)]; twice {
			f.t.Errorf("span %d of thread %d is there twice", uint64(seq), int(worker))
		}
		open, _ := e.Args["open"].(bool)
		seen[int(worker)][uint64(seq)] = open
	}
	return seen
}
