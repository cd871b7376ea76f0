package trace_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestManyGoroutinesOnTheHeap has 64 goroutines write, each its own track, with swaps meanwhile, into segments on Go's
// heap: there the race detector sees each word. Nothing is missing.
func TestManyGoroutinesOnTheHeap(t *testing.T) {
	const goroutines = 64
	spans := 2_000
	if trace.RaceEnabled {
		spans = 300
	}
	dir := t.TempDir()
	r := trace.NewWith(trace.Options{ClockPairs: 5 * time.Millisecond}, trace.ClockMonotonic, true)
	defer r.Close()
	start(t, r, filepath.Join(dir, "0.seg"), 32*mib)
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			own := trace.Name(fmt.Sprint("name ", i))
			track := r.Track(fmt.Sprint("goroutine ", i))
			for k := range spans {
				outer := track.BeginArgs(own, trace.Int(keyN, int64(k)), trace.String(keyN, "text"))
				track.Count(own, int64(k))
				lane := r.Lane("request")
				lane.SetRequest(fmt.Sprint(i, "-", k))
				lane.Begin(nameInner).End()
				lane.Release()
				outer.EndArgs(trace.Bool(keyEnd, true))
			}
		})
	}
	lost := trace.Losses{}
	for i := range 3 {
		time.Sleep(10 * time.Millisecond)
		st, err := trace.Rotate(r, filepath.Join(dir, fmt.Sprint(i+1, ".seg")))
		if err != nil {
			t.Fatal(err)
		}
		lost.Full, lost.NotReady = lost.Full+st.Lost.Full, lost.NotReady+st.Lost.NotReady
	}
	wg.Wait()
	st := stop(t, r)
	lost.Full, lost.NotReady = lost.Full+st.Lost.Full, lost.NotReady+st.Lost.NotReady
	var n uint64
	s, err := recording.Read(t.Context(), dir, func(b *recording.Batch) error {
		n += uint64(len(b.Events))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := uint64(goroutines * spans * 3); n+lost.Full+lost.NotReady < want || n > want || s[0].Lost.Corrupt != 0 || s[0].Open != 0 {
		t.Errorf("%d events of %d, lost %+v; summary %+v", n, want, lost, s[0])
	}
}

const millionNames = "STROBE_TEST_MILLION_NAMES"

// TestMillionNames interns a million names, in a process of its own as names stay for good: 65,535 are kept, the rest
// is counted and shares one name, and no event is lost.
func TestMillionNames(t *testing.T) {
	if os.Getenv(millionNames) != "" {
		internMillion(t)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMillionNames$", "-test.v")
	cmd.Env = append(os.Environ(), millionNames+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("PASS: TestMillionNames")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func internMillion(t *testing.T) {
	names := 1_000_000
	if trace.RaceEnabled {
		names = 150_000
	}
	dir := t.TempDir()
	r := newRecorder()
	start(t, r, filepath.Join(dir, "a.seg"), 256*mib)
	w := r.Track("w")
	before := heap()
	for i := range names {
		w.Instant(trace.Name(fmt.Sprint("distinct ", i)))
		if i%1000 == 0 {
			time.Sleep(100 * time.Microsecond)
		}
	}
	if grown := heap() - before; grown > 32*mib {
		t.Errorf("the name table takes %d bytes", grown)
	}
	st := stop(t, r)
	distinct, full, unknown := map[string]bool{}, 0, 0
	s, err := recording.Read(t.Context(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			switch {
			case strings.HasPrefix(e.Name.Text, "distinct "):
				distinct[e.Name.Text] = true
			case e.Name.Text == "(name table full)":
				full++
			default:
				unknown++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(distinct) < 65_000 || len(distinct)+full != names-int(st.Lost.Total()) || unknown != 0 || s[0].Lost.Corrupt != 0 {
		t.Errorf("%d distinct names, %d shared, %d unknown; stats %+v, summary %+v", len(distinct), full, unknown, st, s[0])
	}
	if want := uint64(names - len(distinct)); st.Lost.Names < want || st.Lost.Names > want+100 {
		t.Errorf("%d names counted as lost, %d are", st.Lost.Names, want)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestTenMillionEventsTakeNoHeap counts every byte that anything allocates meanwhile.
func TestTenMillionEventsTakeNoHeap(t *testing.T) {
	events := 10_000_000
	if !full() || trace.RaceEnabled {
		events = 200_000
	}
	r := newRecorder()
	start(t, r, filepath.Join(t.TempDir(), "a.seg"), 1024*mib)
	w := r.Track("w")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range events {
		w.BeginArgs(nameInner, trace.Int(keyN, int64(i))).End()
		if i%20_000 == 0 {
			time.Sleep(time.Millisecond) // leaves the reserve a chance
		}
	}
	runtime.ReadMemStats(&after)
	st := stop(t, r)
	if grown := after.TotalAlloc - before.TotalAlloc; grown >= mib {
		t.Errorf("%d events allocated %d bytes", events, grown)
	}
	if st.Events+st.Lost.Total() != uint64(events) || st.Lost.Full > 0 {
		t.Errorf("stats %+v of %d events", st, events)
	}
	t.Logf("%d events, %d lost: %d bytes of heap", st.Events, st.Lost.Total(), after.TotalAlloc-before.TotalAlloc)
}
