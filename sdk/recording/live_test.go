package recording_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// poll returns the events that can be delivered now.
func poll(t *testing.T, f *recording.Follower) (all []event) {
	t.Helper()
	n, err := f.Poll(t.Context(), func(b *recording.Batch) error {
		for e := range b.All() {
			all = append(all, copyEvent(e))
		}
		return nil
	})
	if err != nil || n != len(all) {
		t.Fatalf("%d events, %d delivered: %v", n, len(all), err)
	}
	return all
}

func rankFile() *file {
	f := newFile()
	f.state = segment.StateLive
	f.header.Kind, f.header.Name, f.header.PID = uint8(trace.ProcessModel), "dit", 8
	return f
}

// TestFollowerWaitsForCore: a rank's events come once core's clock covers them.
func TestFollowerWaitsForCore(t *testing.T) {
	dir := t.TempDir()
	f := recording.Follow(dir, recording.Options{})
	defer f.Close()
	if got := poll(t, f); got != nil {
		t.Errorf("an empty folder has %+v", got)
	}
	rank := rankFile()
	rank.name(1, 0, "n").put(1, segment.KindCount, 0, 1, 500, 1).put(1, segment.KindCount, 0, 1, 5_000_000, 2)
	rank.write(t, dir, "rank.seg")
	if got := poll(t, f); got != nil {
		t.Errorf("without core: %+v", got)
	}
	core := newFile()
	core.state = segment.StateLive
	core.write(t, dir, "core.seg")
	want := []event{{Kind: recording.Counter, Track: "track 1", Name: "n", Start: second + 500, Value: 1}}
	if d := cmp.Diff(want, poll(t, f)); d != "" {
		t.Errorf("with core: %s", d)
	}
	core.pair(6_000_000, 6_000_000)
	overwrite(t, dir, "core.seg", core)
	want = []event{{Kind: recording.Counter, Track: "track 1", Name: "n", Start: second + 5_000_000, Value: 2}}
	if d := cmp.Diff(want, poll(t, f)); d != "" {
		t.Errorf("after the next pair: %s", d)
	}
}

// overwrite changes a file in place, as a writer's mapping does.
func overwrite(t *testing.T, dir, name string, f *file) {
	t.Helper()
	h, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.WriteAt(f.bytes(), 0); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFollowerSeesAFileInTheMaking: first empty, then without magic, then whole, then with an end, then with a name.
func TestFollowerSeesAFileInTheMaking(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "core.seg")
	follower := recording.Follow(dir, recording.Options{})
	defer follower.Close()
	f := newFile()
	f.state = segment.StateLive
	f.span(1, 0, 1, 100, 0)
	b := f.bytes()
	clear(b[:8])
	for _, content := range [][]byte{nil, b[:100], b} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := poll(t, follower); got != nil {
			t.Errorf("events %+v", got)
		}
	}
	overwrite(t, dir, "core.seg", f)
	if got := poll(t, follower); got != nil {
		t.Errorf("an open span was delivered: %+v", got)
	}
	f.tracks[1].words[2] = 900 // its end
	f.name(1, trace.CategoryStep, "late")
	overwrite(t, dir, "core.seg", f)
	want := []event{{Kind: recording.Span, Track: "track 1", Name: "late", Start: second + 100, End: second + 900, Seq: 1}}
	if d := cmp.Diff(want, poll(t, follower)); d != "" {
		t.Error(d)
	}
}

// TestFollowerGoesOnToTheNextSegment as soon as the first is frozen and read.
func TestFollowerGoesOnToTheNextSegment(t *testing.T) {
	dir := t.TempDir()
	a, b := newFile(), newFile()
	a.span(1, 0, 1, 100, 0)
	b.header.Sequence = 1
	b.state = segment.StateLive
	b.put(1, segment.KindSpan|segment.Again, 0, 1, 100, 900, 1)
	a.write(t, dir, "0.seg")
	b.write(t, dir, "1.seg")
	f := recording.Follow(dir, recording.Options{})
	defer f.Close()
	want := []event{{Kind: recording.Span, Track: "track 1", Name: "name#1", Start: second + 100, End: second + 900, Seq: 1}}
	if d := cmp.Diff(want, poll(t, f)); d != "" {
		t.Error(d)
	}
}

// rest is what a follower delivers at the end of a recording.
func rest(t *testing.T, f *recording.Follower) (all []event) {
	t.Helper()
	if _, err := f.Finish(t.Context(), func(b *recording.Batch) error {
		for e := range b.All() {
			all = append(all, copyEvent(e))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestFollowerFinishesSpansThatWereOpen when it last looked: nothing but their ends, behind the last clock pair, has come
// since.
func TestFollowerFinishesSpansThatWereOpen(t *testing.T) {
	dir := t.TempDir()
	f := newFile()
	f.state = segment.StateLive
	f.span(1, 0, 1, 100, 0)
	f.write(t, dir, "core.seg")
	follower := recording.Follow(dir, recording.Options{})
	defer follower.Close()
	if got := poll(t, follower); got != nil {
		t.Errorf("an open span was delivered: %+v", got)
	}
	const end = 1_000_500 // the last pair is at 1,000,000
	f.tracks[1].words[2] = end
	f.state = segment.StateFinished
	overwrite(t, dir, "core.seg", f)
	want := []event{{Kind: recording.Span, Track: "track 1", Name: "name#1", Start: second + 100, End: second + end, Seq: 1}}
	if d := cmp.Diff(want, rest(t, follower)); d != "" {
		t.Error(d)
	}
}

// TestFollowerTakesEndsAlong from a segment that it leaves: one that can be converted only when core's next clock pair is
// there stays known.
func TestFollowerTakesEndsAlong(t *testing.T) {
	const end = 1_000_500 // core's last pair is at 1,000,000
	dir := t.TempDir()
	core, a, b := newFile(), rankFile(), rankFile()
	core.state = segment.StateLive
	a.state = segment.StateFinished
	a.span(1, 0, 1, 100, end)
	b.header.Sequence = 1
	b.state = segment.StateLive
	core.write(t, dir, "core.seg")
	a.write(t, dir, "rank-0.seg")
	b.write(t, dir, "rank-1.seg")
	follower := recording.Follow(dir, recording.Options{})
	defer follower.Close()
	if got := poll(t, follower); got != nil {
		t.Errorf("what cannot be converted yet was delivered: %+v", got)
	}
	core.pair(2_000_000, 2_000_000)
	overwrite(t, dir, "core.seg", core)
	want := []event{{Kind: recording.Span, Track: "track 1", Name: "name#1", Start: second + 100, End: second + end, Seq: 1}}
	if d := cmp.Diff(want, poll(t, follower)); d != "" {
		t.Error(d)
	}
}
