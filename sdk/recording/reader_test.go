package recording_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func showArg(a recording.Arg) string {
	switch a.Type {
	case trace.TypeInt, trace.TypeBool:
		return fmt.Sprintf("%s=%d", a.Key.Text, a.Int)
	case trace.TypeFloat:
		return fmt.Sprintf("%s=%g", a.Key.Text, a.Float)
	}
	return fmt.Sprintf("%s=%d:%s", a.Key.Text, a.Type, a.Text)
}

// handMade are segments and what a reader makes of them.
var handMade = []struct {
	name    string
	make    func(f *file)
	want    []event
	corrupt uint64
	open    uint64
}{
	{name: "nothing", make: func(f *file) {}},
	{
		name: "nesting, in order of end",
		make: func(f *file) {
			f.name(1, trace.CategoryStep, "step").span(3, 0, 1, 100, 900).span(3, 1, 2, 200, 300).span(3, 1, 3, 300, 300).span(3, 0, 4, 900, 950)
		},
		want: []event{
			{Kind: recording.Span, Track: "track 3", Name: "step", Depth: 1, Start: second + 200, End: second + 300, Seq: 2, Parent: 1},
			{Kind: recording.Span, Track: "track 3", Name: "step", Depth: 1, Start: second + 300, End: second + 300, Seq: 3, Parent: 1},
			{Kind: recording.Span, Track: "track 3", Name: "step", Start: second + 100, End: second + 900, Seq: 1},
			{Kind: recording.Span, Track: "track 3", Name: "step", Start: second + 900, End: second + 950, Seq: 4},
		},
	},
	{
		name: "points",
		make: func(f *file) {
			f.name(1, 0, "n").span(1, 0, 1, 100, 900).put(1, segment.KindInstant, 1, 1, append([]uint64{150}, arg(1, trace.TypeInt, 5)...)...).
				put(1, segment.KindCount, 1, 1, 160, math.MaxUint64).put(1, segment.KindCountFloat, 1, 1, 170, math.Float64bits(1.5)).
				put(1, segment.KindFlowOut, 1, 0, 180, 77).put(1, segment.KindFlowIn, 0, 0, 990, 78)
		},
		want: []event{
			{Kind: recording.Instant, Track: "track 1", Name: "n", Depth: 1, Start: second + 150, Parent: 1, Args: "n=5 "},
			{Kind: recording.Counter, Track: "track 1", Name: "n", Depth: 1, Start: second + 160, Parent: 1, Value: -1},
			{Kind: recording.Counter, Track: "track 1", Name: "n", Depth: 1, Start: second + 170, Parent: 1, Value: 1.5},
			{Kind: recording.FlowOut, Track: "track 1", Depth: 1, Start: second + 180, Parent: 1, Flow: 77},
			{Kind: recording.Span, Track: "track 1", Name: "n", Start: second + 100, End: second + 900, Seq: 1},
			{Kind: recording.FlowIn, Track: "track 1", Start: second + 990, Flow: 78},
		},
	},
	{
		name: "arguments of every type, and those of the end",
		make: func(f *file) {
			f.name(1, 0, "k").name(2, 0, "[[1,2],[3]]").name(3, 0, "not shapes")
			args := append(arg(1, trace.TypeInt, math.MaxUint64), arg(1, trace.TypeFloat, math.Float64bits(math.NaN()))...)
			args = append(args, arg(1, trace.TypeBool, 1)...)
			args = append(append(args, arg(1, trace.TypeString, 9)...), words("nine\xff byt")...)
			args = append(args, arg(1, trace.TypeShapes, 2)...)
			args = append(args, arg(1, trace.TypeShapes, 3)...)
			f.span(1, 0, 1, 100, 900, args...).put(1, segment.KindEndArgs, 0, 0, append([]uint64{1}, arg(1, trace.TypeName, 3)...)...)
		},
		want: []event{{
			Kind: recording.Span, Track: "track 1", Name: "k", Start: second + 100, End: second + 900, Seq: 1,
			Args: "k=-1 k=NaN k=1 k=5:nine\uFFFD byt k=6:[[1,2],[3]] k=4:not shapes k=4:not shapes ",
		}},
	},
	{
		name: "requests: those of begin, none at a chunk's begin",
		make: func(f *file) {
			req := func(s string) { f.put(1, segment.KindRequest, 0, 0, append([]uint64{uint64(len(s))}, words(s)...)...) }
			req("one")
			f.span(1, 0, 1, 100, 500)
			req("two")
			f.span(1, 1, 2, 200, 300)
			f.chunk(1)
			f.span(1, 0, 3, 600, 700)
		},
		want: []event{
			{Kind: recording.Span, Track: "track 1", Name: "name#1", Depth: 1, Start: second + 200, End: second + 300, Seq: 2, Parent: 1, Request: "two"},
			{Kind: recording.Span, Track: "track 1", Name: "name#1", Start: second + 100, End: second + 500, Seq: 1, Request: "one"},
			{Kind: recording.Span, Track: "track 1", Name: "name#1", Start: second + 600, End: second + 700, Seq: 3},
		},
	},
	{
		name: "a dead writer's open spans end at the last moment",
		make: func(f *file) {
			f.state = segment.StateLive
			f.span(1, 0, 1, 100, 0).span(1, 1, 2, 200, 0).put(2, segment.KindCount, 0, 1, 2_000_000, 1)
		},
		want: []event{
			{Kind: recording.Counter, Track: "track 2", Name: "name#1", Start: second + 2_000_000, Value: 1},
			{Kind: recording.Span, Track: "track 1", Name: "name#1", Open: true, Depth: 1, Start: second + 200, End: second + 2_000_000, Seq: 2, Parent: 1},
			{Kind: recording.Span, Track: "track 1", Name: "name#1", Open: true, Start: second + 100, End: second + 2_000_000, Seq: 1},
		},
		open: 2,
	},
	{
		name: "an end that was lost",
		make: func(f *file) { f.span(1, 0, 1, 100, 0).span(1, 0, 2, 200, 300) },
		want: []event{
			{Kind: recording.Span, Track: "track 1", Name: "name#1", Open: true, Start: second + 100, End: second + 200, Seq: 1},
			{Kind: recording.Span, Track: "track 1", Name: "name#1", Start: second + 200, End: second + 300, Seq: 2},
		},
		open: 1,
	},
	{
		name: "an end below its begin, a sequence twice, arguments of no span",
		make: func(f *file) {
			f.span(1, 0, 1, 100, 99).span(1, 0, 1, 100, 200).put(1, segment.KindEndArgs, 0, 0, 9).span(1, 0, 3, 300, 300)
		},
		want:    []event{{Kind: recording.Span, Track: "track 1", Name: "name#1", Start: second + 300, End: second + 300, Seq: 3}},
		corrupt: 3,
	},
	{
		name: "kinds of a later version",
		make: func(f *file) { f.put(1, 99, 0, 0, 1, 2, 3).span(1, 0, 1, 5, 6) },
		want: []event{{Kind: recording.Span, Track: "track 1", Name: "name#1", Start: second + 5, End: second + 6, Seq: 1}},
	},
	{
		name: "a clock that steps back is held",
		make: func(f *file) {
			f.pair(2_000_000, 500_000).pair(3_000_000, 3_000_000)
			f.span(1, 0, 1, 1_500_000, 2_500_000)
		},
		want:    []event{{Kind: recording.Span, Track: "track 1", Name: "name#1", Start: second + 1_500_000, End: second + 2_500_000, Seq: 1}},
		corrupt: 1,
	},
}

func TestReadsHandMadeSegments(t *testing.T) {
	for _, test := range handMade {
		t.Run(test.name, func(t *testing.T) {
			f := newFile()
			test.make(f)
			dir := t.TempDir()
			f.write(t, dir, "core.seg")
			got, s := collect(t, dir)
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("events (-want +got):\n%s", d)
			}
			if s[0].Lost.Corrupt != test.corrupt || s[0].Open != test.open || s[0].Events != uint64(len(test.want)) {
				t.Errorf("summary %+v, want %d corrupt and %d open", s[0], test.corrupt, test.open)
			}
		})
	}
}

func TestSegmentsOfOneRecording(t *testing.T) {
	dir := t.TempDir()
	a := newFile()
	a.span(1, 0, 1, 100, 0, arg(9, trace.TypeInt, 1)...).span(1, 1, 2, 200, 300)
	a.span(1, 1, 3, 320, 330) // its end was stored, and then once more in the next segment
	a.put(1, segment.KindInstant, 1, 1, 340)
	b := newFile()
	b.header.Sequence = 1
	b.span(1, 0, 1, 100, 900, append(arg(9, trace.TypeInt, 1), arg(9, trace.TypeInt, 2)...)...)
	b.chunks[1].words[0] |= segment.Again
	b.put(1, segment.KindSpan|segment.Again, 1, 1, 320, 345, 3)
	b.put(1, segment.KindInstant|segment.Again, 1, 1, 340)
	b.put(1, segment.KindInstant|segment.Again, 1, 1, 350) // the first one went nowhere
	b.write(t, dir, "b.seg")
	a.write(t, dir, "a.seg")
	got, s := collect(t, dir)
	want := []event{
		{Kind: recording.Span, Track: "track 1", Name: "name#1", Depth: 1, Start: second + 200, End: second + 300, Seq: 2, Parent: 1},
		{Kind: recording.Span, Track: "track 1", Name: "name#1", Depth: 1, Start: second + 320, End: second + 330, Seq: 3, Parent: 1},
		{Kind: recording.Instant, Track: "track 1", Name: "name#1", Depth: 1, Start: second + 340, Parent: 1},
		{Kind: recording.Instant, Track: "track 1", Name: "name#1", Depth: 1, Start: second + 350, Parent: 1},
		{Kind: recording.Span, Track: "track 1", Name: "name#1", Start: second + 100, End: second + 900, Seq: 1, Args: "name#9=1 name#9=2 "},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	if len(s) != 1 || s[0].Lost.Corrupt != 0 {
		t.Errorf("summaries %+v", s)
	}
	if d := cmp.Diff([]string{"a.seg", "b.seg"}, s[0].Process.Segments); d != "" {
		t.Error(d)
	}
}

func TestProcessesShareCoresClock(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(rank *file)
		want   int64
	}{
		{"same boot", func(*file) {}, second + 500},
		{"another boot", func(f *file) { f.header.BootID = "other" }, 6*second + 500},
		{"another clock", func(f *file) { f.header.Clock = segment.ClockTSC }, 6*second + 500},
		{"a clock of the process alone", func(f *file) { f.header.Clock = segment.ClockProcess }, 6*second + 500},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			newFile().write(t, dir, "core.seg")
			f := newFile()
			f.header.Kind, f.header.Name, f.header.PID = uint8(trace.ProcessModel), "dit", 8
			f.chunks[0].words = nil // clock pairs five seconds off
			f.put(0, segment.KindPair, 0, 0, 0, 0, 6*second, 1).put(0, segment.KindPair, 0, 0, 1000, 1000, 6*second+1000, 1)
			f.span(1, 0, 1, 500, 600)
			test.change(f)
			f.write(t, dir, "a.seg")
			got, s := collect(t, dir)
			if len(got) != 1 || got[0].Start != test.want {
				t.Errorf("events %+v, want a start at %d", got, test.want)
			}
			if len(s) != 2 || s[0].Process.Kind != trace.ProcessCore || s[1].Process.Name != "dit" {
				t.Errorf("summaries %+v", s)
			}
		})
	}
}

func TestConsumerError(t *testing.T) {
	dir := t.TempDir()
	f := newFile()
	f.span(1, 0, 1, 1, 2)
	f.write(t, dir, "core.seg")
	bad := errors.New("no")
	fo := recording.Follow(dir, recording.Options{})
	defer fo.Close()
	fail := func(*recording.Batch) error { return bad }
	if _, err := fo.Poll(context.Background(), fail); !errors.Is(err, bad) {
		t.Errorf("poll: %v", err)
	}
	if _, err := fo.Finish(context.Background(), fail); !errors.Is(err, bad) {
		t.Errorf("finish: %v", err)
	}
}

func TestContextEndsPolling(t *testing.T) {
	dir := t.TempDir()
	f := newFile()
	f.span(1, 0, 1, 1, 2)
	f.write(t, dir, "core.seg")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := recording.Read(ctx, dir, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
}

func TestFilesThatAreNoSegments(t *testing.T) {
	dir := t.TempDir()
	newFile().write(t, dir, "core.seg")
	for name, text := range map[string]string{"empty.seg": "", "short.seg": "STB", "text.seg": strings.Repeat("hello ", 1000), "other.txt": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.seg"), 0o700); err != nil {
		t.Fatal(err)
	}
	f := recording.Follow(dir, recording.Options{})
	defer f.Close()
	s, err := f.Finish(context.Background(), nil, "core.seg", "gone.seg")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range s {
		got = append(got, fmt.Sprint(x.Process.Segments, " ", x.Error != ""))
	}
	want := []string{"[core.seg] false", "[empty.seg] true", "[gone.seg] true", "[short.seg] true", "[text.seg] true"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestMissingFolder(t *testing.T) {
	if _, err := recording.Read(context.Background(), filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestCutFileKeepsItsPrefix(t *testing.T) {
	dir := t.TempDir()
	f := newFile()
	for i := range uint64(1000) {
		if i%400 == 0 {
			f.chunk(1)
		}
		f.span(1, 0, i+1, 10*i, 10*i+5)
	}
	b := f.bytes()
	at := segment.HeaderBytes + 2*segment.ChunkBytes + segment.ChunkHeader + 100*segment.SpanBytes
	if err := os.WriteFile(filepath.Join(dir, "core.seg"), b[:at], 0o600); err != nil {
		t.Fatal(err)
	}
	got, _ := collect(t, dir)
	if len(got) != 500 {
		t.Errorf("%d spans, want 500", len(got))
	}
}
