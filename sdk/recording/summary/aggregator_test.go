package summary

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func tableOf(batches ...*recording.Batch) Table {
	var a Aggregator
	for _, b := range batches {
		a.Add(b)
	}
	return a.Table()
}

func find(t *testing.T, s Section, name string) Row {
	t.Helper()
	for _, r := range s.Rows {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("section %q has no row %q", s.title(), name)
	return Row{}
}

func TestRowArithmetic(t *testing.T) {
	f := rank(0, "diffusion", "dit", 0)
	f.span(trace.CategoryOperator, "dit::linear", 1, 1000, 1100, f.flops(500)...)
	f.span(trace.CategoryOperator, "dit::linear", 1, 1100, 1400, f.flops(700)...)
	f.span(trace.CategoryOperator, "dit::gelu", 1, 1400, 1500)
	f.span(trace.CategoryStep, "denoise_step", 0, 1000, 2000)
	got := tableOf(f.batch())
	if len(got.Sections) != 1 || got.Processes != nil {
		t.Fatalf("sections %+v, processes %+v", got.Sections, got.Processes)
	}
	flops := int64(1200)
	rate, stepRate := 3.0, 1.2
	want := []Row{
		{
			Name: "denoise_step", Kind: "step", Count: 1, TotalSeconds: 1e-6, MeanSeconds: 1e-6, MinSeconds: 1e-6, MaxSeconds: 1e-6,
			P99Seconds: 1e-6, Share: 1, Flops: &flops, GFLOPS: &stepRate,
		},
		{
			Name: "dit::linear", Kind: "operator", Depth: 1, Count: 2, TotalSeconds: 4e-7, MeanSeconds: 2e-7, MinSeconds: 1e-7,
			MaxSeconds: 3e-7, P99Seconds: 3e-7, Share: 0.4, Flops: &flops, GFLOPS: &rate,
		},
		{
			Name: "dit::gelu", Kind: "operator", Depth: 1, Count: 1, TotalSeconds: 1e-7, MeanSeconds: 1e-7, MinSeconds: 1e-7,
			MaxSeconds: 1e-7, P99Seconds: 1e-7, Share: 0.1,
		},
	}
	if d := cmp.Diff(want, got.Sections[0].Rows, cmpopts.EquateApprox(0.01, 0)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got.WallSeconds != 1e-6 {
		t.Errorf("wall %g", got.WallSeconds)
	}
}

func TestBlocksAreOneRow(t *testing.T) {
	f := rank(0, "diffusion", "dit", 0)
	for i := range 12 {
		f.span(trace.CategoryBlock, fmt.Sprintf("blocks.%d", i), 0, int64(i), int64(i+1))
	}
	f.span(trace.CategoryBlock, "embed", 0, 20, 21)
	f.span(trace.CategoryOperator, "op.3", 0, 21, 22)
	s := tableOf(f.batch()).Sections[0]
	if r := find(t, s, "blocks.*"); r.Count != 12 {
		t.Errorf("blocks.* counts %d", r.Count)
	}
	find(t, s, "embed")
	find(t, s, "op.3")
	if len(s.Rows) != 3 {
		t.Errorf("%d rows", len(s.Rows))
	}
}

func TestFoldedNames(t *testing.T) {
	for name, want := range map[string]string{
		"blocks.3": "blocks.*", "down.2.blocks.11": "down.*.blocks.*", "embed": "embed", "3": "3", "blocks.": "blocks.", "blocks.3a": "blocks.3a", "": "",
	} {
		if got := folded(name); got != want {
			t.Errorf("folded(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestRanksOfAStageAreOneSection(t *testing.T) {
	got := tableOf(served()...)
	var titles []string
	for _, s := range got.Sections {
		titles = append(titles, s.title())
	}
	if d := cmp.Diff([]string{"core", "stage 0 diffusion (dit), 2 ranks", "stage 1 resize"}, titles); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	all := find(t, got.Sections[1], "denoise_step")
	var count uint64
	var total, share float64
	for _, p := range got.Processes {
		if p.StageName == "diffusion" {
			r := find(t, p, "denoise_step")
			count, total, share = count+r.Count, total+r.TotalSeconds, share+r.Share
		}
	}
	if all.Count != count || math.Abs(all.TotalSeconds-total) > 1e-9 || math.Abs(all.Share-share/2) > 1e-9 {
		t.Errorf("the stage has %d steps, %g s, %g; its ranks %d, %g, %g", all.Count, all.TotalSeconds, all.Share, count, total, share)
	}
}

func TestRestartedRankIsStillOneRank(t *testing.T) {
	before, after := rank(0, "diffusion", "dit", 0), rank(0, "diffusion", "dit", 0)
	after.process.PID = 999
	before.span(trace.CategoryStep, "denoise_step", 0, 0, 10)
	after.span(trace.CategoryStep, "denoise_step", 0, 10, 20)
	got := tableOf(before.batch(), after.batch())
	if len(got.Sections) != 1 || got.Sections[0].Ranks != 1 || len(got.Processes) != 2 {
		t.Fatalf("table %+v", got)
	}
	if r := find(t, got.Sections[0], "denoise_step"); r.Count != 2 || r.Share != 1 {
		t.Errorf("row %+v", r)
	}
}

func TestSlowestRequest(t *testing.T) {
	c := core()
	for id, ms := range map[string]int64{"a": 3, "b": 9, "c": 6} {
		c.span(trace.CategoryRequest, "http", 0, 0, ms*1e6).Request = id
	}
	f := rank(0, "diffusion", "dit", 0) // a span of that name elsewhere is no request
	f.span(trace.CategoryRequest, "http", 0, 0, 1e9).Request = "x"
	got := tableOf(c.batch(), f.batch())
	if d := cmp.Diff(&Request{ID: "b", Seconds: 0.009}, got.Slowest); d != "" || got.Requests != 3 {
		t.Errorf("%d requests; -want +got:\n%s", got.Requests, d)
	}
}

func TestOpenSpansAreInNoRow(t *testing.T) {
	f := rank(0, "diffusion", "dit", 0)
	f.span(trace.CategoryStep, "denoise_step", 0, 0, 10)
	f.span(trace.CategoryStep, "denoise_step", 0, 10, 1e12).Open = true
	got := tableOf(f.batch())
	if r := find(t, got.Sections[0], "denoise_step"); r.Count != 1 || got.Open != 1 || got.WallSeconds != 1e-8 {
		t.Errorf("row %+v, open %d, wall %g", r, got.Open, got.WallSeconds)
	}
}

func TestFlopsGoUpOncePerLevel(t *testing.T) {
	f := rank(0, "diffusion", "dit", 0)
	for i := range int64(3) {
		f.span(trace.CategoryOperator, "op", 2, 10*i, 10*i+4, f.flops(10)...)
		f.span(trace.CategoryOperator, "op", 2, 10*i+4, 10*i+8, f.flops(5)...)
		f.span(trace.CategoryBlock, fmt.Sprintf("blocks.%d", i), 1, 10*i, 10*i+9)
	}
	f.span(trace.CategoryOperator, "op", 1, 40, 41, f.flops(100)...)
	f.span(trace.CategoryStep, "denoise_step", 0, 0, 50)
	f.span(trace.CategoryStep, "idle", 0, 50, 60)
	s := tableOf(f.batch()).Sections[0]
	for name, want := range map[string]int64{"op": 145, "blocks.*": 45, "denoise_step": 145} {
		if r := find(t, s, name); r.Flops == nil || *r.Flops != want {
			t.Errorf("%s has %v flops, want %d", name, r.Flops, want)
		}
	}
	if r := find(t, s, "idle"); r.Flops != nil || r.GFLOPS != nil {
		t.Errorf("a span without operators has %d flops", *r.Flops)
	}
}

// Deep, backward and huge spans of a damaged recording neither panic nor overflow.
func TestHostileSpans(t *testing.T) {
	f := rank(0, "diffusion", "dit", 0)
	f.span(trace.CategoryOperator, "op", 65535, 0, math.MaxInt64, f.flops(math.MaxInt64)...)
	f.span(trace.CategoryOperator, "op", 63, 0, math.MaxInt64, f.flops(math.MaxInt64)...)
	f.span(trace.CategoryOperator, "op", 62, 100, 50, f.flops(-1)...)
	f.span(trace.Category(200), "future", 0, 0, 1)
	f.track = &recording.Track{Process: f.process, ID: 2, Device: true}
	f.span(trace.CategoryDevice, "kernel", 0, 5, 9)
	s := tableOf(f.batch()).Sections[0]
	if r := find(t, s, "op"); r.TotalSeconds != seconds(math.MaxInt64) || r.MinSeconds != 0 || *r.Flops != math.MaxInt64 {
		t.Errorf("row %+v", r)
	}
	if r := find(t, s, "future"); r.Kind != "span" {
		t.Errorf("row %+v", r)
	}
}

func TestRowsAreBounded(t *testing.T) {
	f := rank(0, "diffusion", "dit", 0)
	const names = 10_000
	for i := range int64(names) {
		f.span(trace.CategoryOperator, fmt.Sprint("op", i), 0, i, i+1)
	}
	s := tableOf(f.batch()).Sections[0]
	if len(s.Rows) > maxRows+1 {
		t.Errorf("%d rows", len(s.Rows))
	}
	if r := find(t, s, other); r.Count != names-maxRows {
		t.Errorf("%d spans in %s", r.Count, other)
	}
}

func TestMergeIsAsIfOneHadSeenAll(t *testing.T) {
	batches := served()
	want := tableOf(batches...)
	var a, b Aggregator
	for i, batch := range batches {
		half := len(batch.Events) / 2
		if i%2 == 0 {
			half = 0 // whole processes, and processes torn apart at a request's end
		} else {
			for half > 0 && batch.Events[half-1].Depth != 0 {
				half--
			}
		}
		a.Add(&recording.Batch{Process: batch.Process, Events: batch.Events[:half]})
		b.Add(&recording.Batch{Process: batch.Process, Events: batch.Events[half:]})
	}
	a.Merge(&b)
	if d := cmp.Diff(want, a.Table()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	var empty Aggregator
	empty.Merge(&a)
	if d := cmp.Diff(want, empty.Table()); d != "" {
		t.Errorf("merged into nothing, -want +got:\n%s", d)
	}
}
