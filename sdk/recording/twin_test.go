package recording_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// twinSpan is what the slow twin finds of a span.
type twinSpan struct {
	track           uint32
	seq, begin, end uint64
	depth           uint8
}

// postOrder appends the spans from a depth on, each after those within it, and returns what is left.
func postOrder(out, in []twinSpan, depth uint8) (_, rest []twinSpan) {
	for len(in) > 0 && in[0].depth >= depth {
		s := in[0]
		out, in = postOrder(out, in[1:], s.depth+1)
		out = append(out, s)
	}
	return out, in
}

// twin reads the spans of a finished segment the slow way: all of it, in memory, as trees, each span after those within
// it. That is also the order of the ends, and tells spans apart that end at one tick.
func twin(t *testing.T, path string) map[uint32][]twinSpan {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	all := map[uint32][]twinSpan{}
	for c := segment.HeaderBytes; c < len(b); c += segment.ChunkBytes {
		track := le.Uint32(b[c+4:])
		for o := c + segment.ChunkHeader; o+8 <= c+segment.ChunkBytes; {
			h := segment.Head(le.Uint64(b[o:]))
			if h == 0 {
				break
			}
			if h.Kind() == segment.KindSpan {
				all[track] = append(all[track], twinSpan{track, le.Uint64(b[o+24:]), le.Uint64(b[o+8:]), le.Uint64(b[o+16:]), h.Depth()})
			}
			o += h.Bytes()
		}
	}
	for track, s := range all {
		sort.Slice(s, func(i, j int) bool { return s[i].seq < s[j].seq })
		all[track], _ = postOrder(nil, s, 0)
		for i := range all[track][1:] {
			if all[track][i].end > all[track][i+1].end {
				t.Errorf("the twin's order is not by end: %+v, %+v", all[track][i], all[track][i+1])
			}
		}
	}
	return all
}

// scribble writes nested spans at random.
func scribble(t *trace.Track, rnd *rand.Rand, n int) {
	names := []trace.NameID{trace.Name("a"), trace.Name("b"), trace.NameIn(trace.CategoryOperator, "c")}
	key := trace.Name("key")
	var open []trace.Span
	for range n {
		switch k := rnd.IntN(10); {
		case k < 4 && len(open) < 12:
			open = append(open, t.Begin(names[rnd.IntN(3)]))
		case k < 5 && len(open) < 12:
			open = append(open, t.BeginArgs(names[rnd.IntN(3)], trace.Int(key, 1), trace.String(key, "text")))
		case k < 6:
			t.Count(names[0], int64(k))
		case len(open) > 0:
			s := open[len(open)-1]
			open = open[:len(open)-1]
			if k == 9 {
				s.EndArgs(trace.Float(key, 0.5))
			} else {
				s.End()
			}
		}
		if rnd.IntN(200) == 0 {
			time.Sleep(100 * time.Microsecond)
		}
	}
	for i := len(open) - 1; i >= 0; i-- {
		open[i].End()
	}
}

// TestLiveOrderIsTheTwins follows a recording while it is written, reads it again when it is finished, and compares both
// with the slow twin, track by track.
func TestLiveOrderIsTheTwins(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 10_000
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "core.seg")
	r := trace.New(trace.Options{ClockPairs: 3 * time.Millisecond})
	defer r.Close()
	if err := r.Start(trace.Start{Path: path, MaxBytes: 64 << 20, Process: trace.Process{Kind: trace.ProcessCore, Name: "core"}}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	read := make(chan struct{}) // closed: some events have been
	for i := range 3 {
		track := r.Track(fmt.Sprint("t", i))
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			scribble(track, random, n/2)
			<-read // on a busy machine all would be written before anything is read
			scribble(track, random, n/2)
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	live := map[uint32][]event{}
	take := func(b *recording.Batch) error {
		for e := range b.All() {
			live[e.Track.ID] = append(live[e.Track.ID], copyEvent(e))
		}
		return nil
	}
	f := recording.Follow(dir, recording.Options{BatchEvents: 100})
	defer f.Close()
	polled := 0
	for busy := true; busy; {
		select {
		case <-done:
			busy = false
		case <-time.After(300 * time.Microsecond):
		}
		k, err := f.Poll(context.Background(), take)
		if err != nil {
			t.Fatal(err)
		}
		if polled == 0 && k > 0 {
			close(read)
		}
		polled += k
	}
	st, err := r.Stop()
	if err != nil {
		t.Fatal(err)
	}
	sums, err := f.Finish(context.Background(), take, "core.seg")
	if err != nil {
		t.Fatal(err)
	}
	if sums[0].Lost.Corrupt != 0 || sums[0].Events != st.Events || polled == 0 {
		t.Errorf("%d events polled; summary %+v; stop said %+v", polled, sums[0], st)
	}
	compareTwins(t, dir, path, live)
}

func compareTwins(t *testing.T, dir, path string, live map[uint32][]event) {
	t.Helper()
	whole := map[uint32][]event{}
	if _, err := recording.Read(context.Background(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			whole[e.Track.ID] = append(whole[e.Track.ID], copyEvent(e))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for id, want := range twin(t, path) {
		if d := cmp.Diff(whole[id], live[id]); d != "" {
			t.Errorf("track %d: live differs from finished (-finished +live):\n%.2000s", id, d)
		}
		var got []twinSpan
		for _, e := range whole[id] {
			if e.Kind == recording.Span {
				got = append(got, twinSpan{track: id, seq: e.Seq, depth: uint8(e.Depth)})
			}
		}
		for i := range want {
			want[i].begin, want[i].end = 0, 0
		}
		if d := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); d != "" {
			t.Errorf("track %d: %d spans, the twin has %d, or another order", id, len(got), len(want))
		}
	}
}
