package trace_test

import (
	"path/filepath"
	"testing"

	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestCategories(t *testing.T) {
	set := trace.CategoriesOf(trace.CategoryStep, trace.CategoryMemory)
	if !set.Has(trace.CategoryStep) || !set.Has(trace.CategoryMemory) || set.Has(trace.CategoryOperator) || set.Has(200) {
		t.Errorf("%b", set)
	}
	if all := trace.CategoriesOf(); all != 0 || !all.Has(trace.CategoryNone) || !all.Has(200) {
		t.Errorf("%b is not everything", all)
	}
}

// TestIf: a track is there for what is wanted, while a recording says so.
func TestIf(t *testing.T) {
	r := newRecorder()
	defer r.Close()
	track := r.Track("w")
	var none *trace.Track
	if none.If(trace.CategoryStep) != nil {
		t.Error("no track is something")
	}
	for _, step := range []struct {
		name   string
		wanted trace.Categories
		has    bool
	}{{"all", 0, true}, {"it", trace.CategoriesOf(trace.CategoryStep), true}, {"another", trace.CategoriesOf(trace.CategoryBlock), false}} {
		s := trace.Start{Path: filepath.Join(t.TempDir(), "a.seg"), MaxBytes: 1 << 20, Categories: step.wanted, Process: trace.Process{Kind: trace.ProcessModel}}
		if err := r.Start(s); err != nil {
			t.Fatal(err)
		}
		got := track.If(trace.CategoryStep)
		got.Begin(nameInner).End()
		stats, err := r.Stop()
		if err != nil || (got == track) != step.has || (stats.Events == 1) != step.has {
			t.Errorf("%s: %v, %+v, %v", step.name, got, stats, err)
		}
		if track.If(trace.CategoryStep) != track {
			t.Errorf("%s: it holds after the recording", step.name)
		}
	}
}

func BenchmarkIf(b *testing.B) {
	w := warm(b, true)
	for b.Loop() {
		if w.If(trace.CategoryStep) == nil {
			b.Fatal("not wanted")
		}
	}
}
