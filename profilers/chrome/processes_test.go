package chrome

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestArrowsAreInTheMergedFileAlone(t *testing.T) {
	n := names{}
	c, r := core(n), rank(n, 0)
	l, w := c.track("request 1"), r.track("worker")
	serve(l, 2, generate(w, 10, "img", 1<<63, 1, 1)+5, "img", 1<<63)
	l.begin(5000, trace.CategoryRequest, "dispatch")
	l.flow(5001, recording.FlowOut, 77) // never arrives
	l.end(5002)
	l.flow(6000, recording.FlowOut, 78) // no span around it
	dir := t.TempDir()
	artifacts := export(t, profileIn(dir), r.batch(), c.batch())
	own := parse(t, filepath.Join(dir, artifacts[0].Name))
	merged := parse(t, filepath.Join(dir, filepath.FromSlash(artifacts[1].Name)))
	check(t, own)
	check(t, merged)
	arrows := func(f file) (list []string) {
		for _, e := range f.TraceEvents {
			if e.Ph == "s" || e.Ph == "f" {
				list = append(list, fmt.Sprint(e.Ph, " ", e.Cat, " ", e.ID, " on ", e.PID))
			}
		}
		return list
	}
	if got := arrows(own); len(got) > 0 {
		t.Errorf("the rank's file: %q", got)
	}
	if diff := cmp.Diff([]string{"s request 1 on 4000", "f request 1 on 4242"}, arrows(merged)); diff != "" {
		t.Error(diff)
	}
	if merged.Strobe.Arrows != 1 {
		t.Errorf("%d arrows without other", merged.Strobe.Arrows)
	}
}

func TestProcessesWithOneNumber(t *testing.T) {
	n := names{}
	first, again, other := rank(n, 0), rank(n, 0), rank(n, 1)
	other.PID, other.Host = first.PID, "other"
	init := core(n)
	init.PID = 1
	var batches []*recording.Batch
	for _, p := range []*proc{init, first, again, other} {
		p.track("worker").span(1, 2, trace.CategoryStage, "work")
		batches = append(batches, p.batch())
	}
	dir := t.TempDir()
	artifacts := export(t, profileIn(dir), batches...)
	var got []string
	ranks := map[string]bool{}
	for _, a := range artifacts[:len(artifacts)-1] {
		got = append(got, a.Name)
		text := string(unzip(t, filepath.Join(dir, a.Name)))
		i := strings.Index(text, `"rank": `)
		ranks[text[i:i+strings.Index(text[i:], "}")]] = true
	}
	want := []string{
		"stage_0_diffusion_1795428192_rank0.pt.trace.json.gz", "stage_0_diffusion_1795428192_rank0_restart1.pt.trace.json.gz",
		"stage_0_diffusion_1795428192_rank1.pt.trace.json.gz",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(ranks) != 3 || !ranks[`"rank": 0`] {
		t.Errorf("ranks %v", ranks)
	}
	merged := parse(t, filepath.Join(dir, filepath.FromSlash(artifacts[3].Name)))
	check(t, merged)
	pids := map[any]bool{}
	for _, e := range spansOf(merged) {
		pids[e.PID] = true
	}
	if len(pids) != 4 || pids[1.0] {
		t.Errorf("pids %v", pids)
	}
}

func TestDevices(t *testing.T) {
	dir, files := onDevice(t)
	_ = dir
	for i, f := range files {
		got := parse(t, f)
		check(t, got)
		cats := map[string]int{}
		devices := map[any]bool{}
		for _, e := range got.TraceEvents {
			if e.Ph == "X" {
				cats[e.Cat]++
			} else {
				cats[e.Ph+" "+e.Cat]++
			}
			if e.Cat == "kernel" {
				devices[e.Args["device"]] = true
				if e.Args["External id"] == nil {
					t.Errorf("%s: a kernel knows no operator: %v", f, e)
				}
			}
		}
		ranks := 1
		if i == len(files)-1 {
			ranks = 2
		}
		if len(devices) != ranks || cats["kernel"] != 18*ranks || cats["s ac2g"] != 24*ranks || cats["gpu_memcpy"] != 3*ranks || cats["gpu_memset"] != 3*ranks {
			t.Errorf("%s: devices %v, %v", f, devices, cats)
		}
	}
}

func TestOverlappingDeviceSpansGetRows(t *testing.T) {
	n := names{}
	r := rank(n, 0)
	s := r.stream(0, 7)
	rnd := rand.New(rand.NewPCG(3, 4))
	type work struct{ from, dur float64 }
	var all []work
	for i := range 500 {
		all = append(all, work{float64(i) * 3, rnd.Float64() * 9})
	}
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i, w := range all {
		s.work(w.from, w.dur, trace.WorkKernel, uint64(i), nil, "k")
	}
	f := one(t, r.batch())
	rows := map[any]bool{}
	for _, e := range spansOf(f) {
		rows[e.TID] = true
	}
	if len(spansOf(f)) != 500 || len(rows) < 2 || len(rows) > 8 {
		t.Errorf("%d spans on %d rows", len(spansOf(f)), len(rows))
	}
}

func TestRowsForget(t *testing.T) {
	var rs rows
	for i := range int64(3 * rowMemory) {
		if at := rs.put(i*10, i*10+9); at != 0 {
			t.Fatalf("span %d is on row %d", i, at)
		}
	}
	if len(rs[0].spans) > 2*rowMemory {
		t.Errorf("%d spans are kept", len(rs[0].spans))
	}
	if at := rs.put(3, 5); at != 1 {
		t.Errorf("a span older than the row's memory is on row %d", at)
	}
	for range 2 * maxRows {
		rs.put(1<<40, 1<<41)
	}
	if at := rs.put(1<<40, 1<<41); at != -1 || len(rs) != maxRows {
		t.Errorf("row %d of %d", at, len(rs))
	}
}

func TestPairsForget(t *testing.T) {
	var p pairs
	for key := range uint64(5 * pairsKept) {
		p.match(key, end{out: true})
	}
	if n := len(p.young) + len(p.old); n > 2*pairsKept {
		t.Errorf("%d ends wait", n)
	}
	if p.waiting() != 5*pairsKept {
		t.Errorf("%d ends counted of %d", p.waiting(), 5*pairsKept)
	}
	if _, ok := p.match(5*pairsKept-1, end{}); !ok {
		t.Error("the newest end does not match")
	}
	if _, ok := p.match(0, end{}); ok {
		t.Error("the oldest end still matches")
	}
}

func TestLossesAreTold(t *testing.T) {
	n := names{}
	r := rank(n, 0)
	r.track("worker").span(1, 2, trace.CategoryStage, "work")
	dir := t.TempDir()
	s, err := New().Open(t.Context(), profileIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Consume(t.Context(), r.batch()); err != nil {
		t.Fatal(err)
	}
	sum := summaryOf([]*recording.Batch{{Process: &r.Process}})
	sum.Processes[0].Lost = recording.Losses{Losses: trace.Losses{Full: 7}, Corrupt: 1}
	sum.Processes[0].Open = 3
	sum.Processes[0].Events, sum.Processes[0].Recorded, r.EventNs = 1000, time.Second, 20
	artifacts, err := s.Finish(t.Context(), sum)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range artifacts {
		p := parse(t, filepath.Join(dir, filepath.FromSlash(a.Name))).Strobe.Processes[0]
		if diff := cmp.Diff(map[string]uint64{"full": 7, "corrupt": 1}, p.Losses); diff != "" || p.Open != 3 {
			t.Errorf("%+v: %s", p, diff)
		}
		about := parse(t, filepath.Join(dir, filepath.FromSlash(a.Name))).Strobe
		if diff := cmp.Diff(p.Losses, about.Losses); diff != "" {
			t.Errorf("losses of all processes: %s", diff)
		}
		if c := about.Cost; c == nil || c.Events != 1000 || c.NsPerEvent != 20 || c.CoreShare != 2e-5 || p.Cost == nil || *p.Cost != *c {
			t.Errorf("cost %+v, of the process %+v", c, p.Cost)
		}
	}
	if !slices.ContainsFunc(artifacts, func(a profiler.Artifact) bool { return a.StageName == "diffusion" }) {
		t.Error("no artifact of the stage")
	}
}
