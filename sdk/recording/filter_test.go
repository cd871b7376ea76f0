package recording_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Names of the filtered recordings.
const (
	nameNone = 1 + iota
	nameStep
	nameOperator
	nameCounter
	nameMemory
)

var filterCategories = map[uint32]trace.Category{
	nameNone: trace.CategoryNone, nameStep: trace.CategoryStep, nameOperator: trace.CategoryOperator,
	nameCounter: trace.CategoryCounter, nameMemory: trace.CategoryMemory,
}

func filterFile() *file {
	f := newFile()
	f.header.Kind, f.header.Stage, f.header.Rank = uint8(trace.ProcessModel), 1, 2
	for _, id := range []uint32{nameNone, nameStep, nameOperator, nameCounter, nameMemory} {
		f.name(id, filterCategories[id], fmt.Sprint("n", id))
	}
	return f
}

func (f *file) request(track uint32, id string) *file {
	return f.put(track, segment.KindRequest, 0, 0, append([]uint64{uint64(len(id))}, words(id)...)...)
}

func (f *file) named(track uint32, depth uint8, name uint32, seq, begin, end uint64) *file {
	return f.put(track, segment.KindSpan, depth, name, begin, end, seq)
}

// filtered reads a finished folder through a filter.
func filtered(t testing.TB, dir string, only recording.Filter) (all []event, s []recording.Summary) {
	t.Helper()
	f := recording.Follow(dir, recording.Options{Filter: only, BatchEvents: 7})
	defer f.Close()
	s, err := f.Finish(t.Context(), func(b *recording.Batch) error {
		for e := range b.All() {
			all = append(all, copyEvent(e))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, s
}

func TestFilter(t *testing.T) {
	f := filterFile()
	f.request(1, "a")
	f.named(1, 0, nameStep, 1, 100, 900)
	f.put(1, segment.KindFlowIn, 1, 0, 110, 77)
	f.named(1, 1, nameNone, 2, 120, 800)
	f.named(1, 2, nameOperator, 3, 130, 230)
	f.put(1, segment.KindInstant, 3, nameMemory, 140)
	f.named(1, 2, nameOperator, 4, 300, 310)
	f.put(1, segment.KindCount, 2, nameCounter, 320, 5)
	f.request(1, "b")
	f.named(1, 0, nameStep, 5, 1000, 2000)
	f.put(1, segment.KindFlowIn, 1, 0, 1010, 78)
	f.named(1, 1, nameOperator, 6, 1100, 0) // open
	f.request(1, "")
	f.put(1, segment.KindInstant, 0, nameNone, 3000)
	dir := t.TempDir()
	f.write(t, dir, "r.seg")

	for _, test := range []struct {
		name string
		only recording.Filter
		want []string
	}{
		{"nothing", recording.Filter{}, []string{
			"flow 77 in 1", "memory in 3 at 3", "3 in 2 at 2", "counter", "4 in 2 at 2", "2 in 1 at 1", "1 in 0 at 0",
			"flow 78 in 5", "6 in 5 at 1", "5 in 0 at 0", "instant"}},
		{"one request", recording.Filter{Requests: []string{"a"}}, []string{
			"flow 77 in 1", "memory in 3 at 3", "3 in 2 at 2", "counter", "4 in 2 at 2", "2 in 1 at 1", "1 in 0 at 0"}},
		{"a request that is not there", recording.Filter{Requests: []string{"c"}}, []string{"counter"}},
		{"no steps", recording.Filter{Categories: trace.CategoriesOf(trace.CategoryOperator)}, []string{
			"3 in 0 at 0", "4 in 0 at 0", "6 in 0 at 0", "instant"}},
		{"only steps", recording.Filter{Categories: trace.CategoriesOf(trace.CategoryStep)}, []string{
			"flow 77 in 1", "2 in 1 at 1", "1 in 0 at 0", "flow 78 in 5", "5 in 0 at 0", "instant"}},
		{"long", recording.Filter{MinDuration: 100}, []string{
			"flow 77 in 1", "memory in 3 at 3", "3 in 2 at 2", "counter", "2 in 1 at 1", "1 in 0 at 0", "flow 78 in 5", "6 in 5 at 1", "5 in 0 at 0", "instant"}},
		{"its rank", recording.Filter{Stages: []int{1}, Ranks: []int{2}, Requests: []string{"c"}}, []string{"counter"}},
		{"another stage", recording.Filter{Stages: []int{0}}, nil},
		{"another rank", recording.Filter{Ranks: []int{0}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			events, s := filtered(t, dir, test.only)
			var got []string
			for _, e := range events {
				got = append(got, showPlace(e))
			}
			slices.Sort(got)
			slices.Sort(test.want)
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			if len(s) != 1 || s[0].Events != uint64(len(got)) || s[0].Events+s[0].Filtered != 11 || s[0].Lost != (recording.Losses{}) {
				t.Errorf("summary %+v", s)
			}
		})
	}
}

func showPlace(e event) string {
	switch e.Kind {
	case recording.Span:
		return fmt.Sprintf("%d in %d at %d", e.Seq, e.Parent, e.Depth)
	case recording.FlowIn:
		return fmt.Sprintf("flow %d in %d", e.Flow, e.Parent)
	case recording.Counter:
		return "counter"
	}
	if e.Name == fmt.Sprint("n", nameMemory) {
		return fmt.Sprintf("memory in %d at %d", e.Parent, e.Depth)
	}
	return "instant"
}

// TestFilterAgainstOracle compares with a filter over all events that looks at each one's way to the top.
func TestFilterAgainstOracle(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		f := filterFile()
		randomTrack(f, r, 1)
		randomTrack(f, r, 2)
		dir := t.TempDir()
		f.write(t, dir, "r.seg")
		everything, _ := collect(t, dir)
		for _, only := range []recording.Filter{
			{Requests: []string{"a"}}, {Requests: []string{"a", "b"}, Categories: trace.CategoriesOf(trace.CategoryStep)},
			{Categories: trace.CategoriesOf(trace.CategoryOperator, trace.CategoryMemory)}, {MinDuration: 40 * time.Nanosecond},
			{MinDuration: 20, Categories: trace.CategoriesOf(trace.CategoryStep), Requests: []string{"b"}},
		} {
			want := slowFilter(everything, only)
			got, _ := filtered(t, dir, only)
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("seed %d, filter %+v: -want +got:\n%s", seed, only, d)
			}
		}
	}
}

// randomTrack adds spans within spans, and points.
func randomTrack(f *file, r *rand.Rand, track uint32) {
	var ends []uint64
	now, seq := uint64(1), uint64(0)
	for range 100 {
		now += uint64(r.IntN(20))
		for len(ends) > 0 && ends[len(ends)-1] < now {
			ends = ends[:len(ends)-1]
		}
		depth := uint8(len(ends))
		switch r.IntN(8) {
		case 0:
			if depth == 0 {
				f.request(track, []string{"a", "b", ""}[r.IntN(3)])
			}
		case 1:
			f.put(track, segment.KindCount, depth, []uint32{nameNone, nameCounter, nameMemory}[r.IntN(3)], now, 1)
		case 2:
			f.put(track, segment.KindInstant, depth, 1+uint32(r.IntN(5)), now)
		case 3:
			f.put(track, segment.KindFlowOut, depth, 0, now, 9)
		default:
			end := now + uint64(r.IntN(200))
			if len(ends) > 0 {
				end = min(end, ends[len(ends)-1])
			}
			ends = append(ends, end)
			seq++
			f.named(track, depth, 1+uint32(r.IntN(3)), seq, now, end)
		}
		now++
	}
}

// slowFilter is the filter's slow twin.
func slowFilter(all []event, only recording.Filter) (out []event) {
	spans := map[string]event{}
	key := func(e event, seq uint64) string { return fmt.Sprint(e.Track, " ", seq) }
	for _, e := range all {
		if e.Kind == recording.Span {
			spans[key(e, e.Seq)] = e
		}
	}
	var passes func(e event) bool
	passes = func(e event) bool {
		c := trace.CategoryNone
		for id, of := range filterCategories {
			if e.Name == fmt.Sprint("n", id) {
				c = of
			}
		}
		switch {
		case e.Kind == recording.Counter && c == trace.CategoryNone:
			return only.Categories.Has(trace.CategoryCounter)
		case e.Kind == recording.Counter:
			return only.Categories.Has(c)
		case len(only.Requests) > 0 && !slices.Contains(only.Requests, e.Request):
			return false
		case c == trace.CategoryNone && e.Parent != 0:
			return passes(spans[key(e, e.Parent)])
		case c == trace.CategoryNone:
			return true
		}
		return only.Categories.Has(c)
	}
	for _, e := range all {
		if !passes(e) || e.Kind == recording.Span && e.End-e.Start < int64(only.MinDuration) {
			continue
		}
		up := e.Parent
		e.Depth, e.Parent = 0, 0
		for up != 0 {
			around := spans[key(e, up)]
			if passes(around) {
				if e.Depth++; e.Parent == 0 {
					e.Parent = up
				}
			}
			up = around.Parent
		}
		out = append(out, e)
	}
	return out
}
