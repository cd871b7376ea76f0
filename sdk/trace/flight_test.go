package trace_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func startFlight(t testing.TB, r *trace.Recorder, maxBytes int64, window time.Duration) string {
	t.Helper()
	dir := t.TempDir()
	f := trace.Flight{Dir: dir, MaxBytes: maxBytes, Window: window, Process: trace.Process{Kind: trace.ProcessModel, Name: "test"}}
	if err := r.StartFlight(f); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return dir
}

func snapshot(t testing.TB, r *trace.Recorder) (string, trace.SnapshotStats) {
	t.Helper()
	dir := t.TempDir()
	st, err := r.Snapshot(trace.Snapshot{Dir: dir, Label: "p"})
	if err != nil {
		t.Fatal(err)
	}
	return dir, st
}

// size is the bytes of all files in a folder.
func size(t testing.TB, dir string) (n int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if fi, err := e.Info(); err == nil { // it may just have gone
			n += fi.Size()
		}
	}
	return n
}

// TestFlightKeepsTheWindow rotates under writers and wants every span of the window, once, within the budget.
func TestFlightKeepsTheWindow(t *testing.T) {
	r := newRecorder()
	const budget = 64 << 20
	ring := startFlight(t, r, budget, 2*time.Second)
	idle := r.Track("idle")
	idle.SetRequest("long")
	open := idle.BeginArgs(nameOuter, trace.Int(keyN, 42), trace.String(keyEnd, "open all the time"))
	idle.Begin(nameInner)
	var stop, late atomic.Bool
	var wg sync.WaitGroup
	writers := make([]*flightWriter, 4)
	for i := range writers {
		w := &flightWriter{track: r.Track(fmt.Sprintf("w%d", i))}
		writers[i] = w
		wg.Go(func() { w.run(&stop, &late) })
	}
	for range 30 {
		time.Sleep(100 * time.Millisecond)
		if n := size(t, ring); n > budget {
			t.Fatalf("%d bytes on disk, %d are allowed", n, budget)
		}
	}
	late.Store(true)
	time.Sleep(700 * time.Millisecond)
	stop.Store(true)
	wg.Wait()
	dir, st := snapshot(t, r)

	got := readAll(t, dir)
	if got.twice+got.disordered+got.corrupt > 0 {
		t.Errorf("%d events twice, %d out of order, %d corrupt", got.twice, got.disordered, got.corrupt)
	}
	missing := uint64(0)
	for i, w := range writers {
		tr := got.tracks[fmt.Sprintf("w%d", i)]
		for n := w.from; n <= w.marks; n++ {
			if !tr.marks[n] {
				missing++
			}
		}
		if first := w.from; first > 1 && tr.marks[1] {
			t.Errorf("track %d: the first mark is older than the window and still there", i)
		}
	}
	if missing > st.Lost.Total() {
		t.Errorf("%d events of the window are missing, %d lost by the recorder's own account", missing, st.Lost.Total())
	}
	if n := len(got.tracks["idle"].open); n != 2 {
		t.Errorf("%d of the idle track's 2 open spans are there", n)
	}
	if len(st.Segments) < 5 || st.Events == 0 {
		t.Errorf("the snapshot has %d segments and %d events", len(st.Segments), st.Events)
	}
	open.End()
}

// flightWriter numbers its marks, so that what is missing can be told.
type flightWriter struct {
	track *trace.Track
	marks int64 // written
	from  int64 // the first that the window must hold
}

func (w *flightWriter) run(stop, late *atomic.Bool) {
	for !stop.Load() {
		if w.from == 0 && late.Load() {
			w.from = w.marks + 1
		}
		outer := w.track.Begin(nameOuter)
		for range 20 {
			w.marks++
			w.track.Instant(nameMark, trace.Int(keyN, w.marks))
			w.track.Begin(nameInner).End()
		}
		outer.End()
		time.Sleep(500 * time.Microsecond)
	}
}

// TestFlightCarriesArguments wants a span that outlived its segment as it was begun.
func TestFlightCarriesArguments(t *testing.T) {
	r := newRecorder()
	startFlight(t, r, trace.MinFlightBytes, time.Second)
	idle := r.Track("idle")
	idle.SetRequest("long")
	began := time.Now()
	span := idle.BeginArgs(nameOuter, trace.Int(keyN, 42), trace.String(keyEnd, "text"))
	busy := r.Track("busy")
	for end := time.Now().Add(2500 * time.Millisecond); time.Now().Before(end); {
		busy.Begin(nameInner).End()
		time.Sleep(time.Millisecond)
	}
	find := func() (found *recording.Event) {
		dir, st := snapshot(t, r)
		_, err := recording.Read(t.Context(), dir, func(b *recording.Batch) error {
			for e := range b.All() {
				if e.Track.Name == "idle" {
					c := *e
					c.Args = append([]recording.Arg(nil), e.Args...)
					found = &c
				}
			}
			return nil
		})
		if err != nil || found == nil {
			t.Fatalf("the span is not in %v (%v)", st.Segments, err)
		}
		return found
	}
	e := find()
	if !e.Open || e.Request != "long" || e.Name.Text != "outer" || len(e.Args) != 2 || e.Args[0].Int != 42 || e.Args[1].Type != trace.TypeString {
		t.Errorf("the span came as %+v", e)
	}
	if off := time.Unix(0, e.Start).Sub(began).Abs(); off > time.Second {
		t.Errorf("its begin is off by %v", off)
	}
	span.End()
	if e = find(); e.Open {
		t.Error("the span has ended and comes as open")
	}
}

// TestFlightBounds writes as fast as it can: bytes stay bounded, and what is there is whole.
func TestFlightBounds(t *testing.T) {
	r := newRecorder()
	ring := startFlight(t, r, trace.MinFlightBytes, time.Minute)
	r.Track("idle").Begin(nameOuter) // so that there is always something to carry
	track := r.Track("busy")
	var written atomic.Bool
	watched := make(chan int64)
	go func() {
		most := int64(0)
		for !written.Load() {
			most = max(most, size(t, ring))
		}
		watched <- most
	}()
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
		for range 2000 {
			track.Begin(nameInner).End()
		}
		time.Sleep(100 * time.Microsecond) // so that segments follow each other before they are full
	}
	written.Store(true)
	if most := <-watched; most > trace.MinFlightBytes {
		t.Errorf("%d bytes on disk, %d are allowed", most, trace.MinFlightBytes)
	}
	dir, st := snapshot(t, r)
	if got := readAll(t, dir); got.events < st.Events || got.events > st.Events+uint64(len(st.Segments)) || got.corrupt > 0 {
		// A span that began while its segment was frozen is only in the next one, as carried, which stats do not count.
		t.Errorf("read %d events, %d corrupt; the snapshot said %d", got.events, got.corrupt, st.Events)
	}
}

// TestFlightGivesWay starts and stops recordings while the flight recorder is on.
func TestFlightGivesWay(t *testing.T) {
	r := newRecorder()
	ring := startFlight(t, r, trace.MinFlightBytes, time.Minute)
	track := r.Track("w")
	n := int64(0)
	mark := func() { n++; track.Instant(nameMark, trace.Int(keyN, n)) }
	for range 3 {
		mark()
		dir := t.TempDir()
		start(t, r, filepath.Join(dir, "a.seg"), 1<<20)
		if left := size(t, ring); left != 0 {
			t.Errorf("%d bytes of the time before are kept during a recording", left)
		}
		if _, err := r.Snapshot(trace.Snapshot{Dir: dir, Label: "x"}); !errors.Is(err, trace.ErrRecording) {
			t.Errorf("a snapshot while recording: %v", err)
		}
		first := n + 1
		mark()
		span := track.Begin(nameOuter)
		mark()
		if _, err := r.Stop(); err != nil {
			t.Fatal(err)
		}
		got := readAll(t, dir).tracks["w"]
		if len(got.marks) != 2 || !got.marks[first] || len(got.open) != 1 {
			t.Errorf("the recording has marks %v and %d open spans", got.marks, len(got.open))
		}
		mark()
		span.End()
		after, _ := snapshot(t, r)
		got = readAll(t, after).tracks["w"]
		if len(got.marks) != 1 || !got.marks[n] || len(got.closed) != 1 {
			t.Errorf("the flight went on with marks %v and %d spans", got.marks, len(got.closed))
		}
	}
	if _, err := r.Stop(); !errors.Is(err, trace.ErrNotRecording) {
		t.Errorf("a stop without a recording: %v", err)
	}
	if err := r.StopFlight(); err != nil || r.On() {
		t.Errorf("stop flight: %v, on %v", err, r.On())
	}
	if left := size(t, ring); left != 0 {
		t.Errorf("%d bytes are left", left)
	}
}

func TestFlightStartsDuringRecording(t *testing.T) {
	r := newRecorder()
	start(t, r, filepath.Join(t.TempDir(), "a.seg"), 1<<20)
	startFlight(t, r, trace.MinFlightBytes, time.Minute)
	if _, err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	r.Track("w").Instant(nameMark, trace.Int(keyN, 1))
	dir, _ := snapshot(t, r)
	if got := readAll(t, dir); got.events != 1 {
		t.Errorf("%d events after the recording", got.events)
	}
}

func TestFlightRefuses(t *testing.T) {
	good := trace.Flight{Dir: t.TempDir(), MaxBytes: trace.MinFlightBytes, Window: time.Second}
	tests := map[string]func(*trace.Flight){
		"no folder":      func(f *trace.Flight) { f.Dir = "" },
		"missing folder": func(f *trace.Flight) { f.Dir += "/missing" },
		"few bytes":      func(f *trace.Flight) { f.MaxBytes-- },
		"short window":   func(f *trace.Flight) { f.Window-- },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			r := trace.New(trace.Options{})
			f := good
			spoil(&f)
			if err := r.StartFlight(f); err == nil {
				t.Error("it started")
			}
			if err := r.StopFlight(); !errors.Is(err, trace.ErrNoFlight) {
				t.Errorf("stop: %v", err)
			}
			if _, err := r.Snapshot(trace.Snapshot{Dir: t.TempDir()}); !errors.Is(err, trace.ErrNoFlight) {
				t.Errorf("snapshot: %v", err)
			}
		})
	}
	t.Run("twice", func(t *testing.T) {
		r := trace.New(trace.Options{})
		startFlight(t, r, trace.MinFlightBytes, time.Second)
		if err := r.StartFlight(good); !errors.Is(err, trace.ErrRecording) {
			t.Errorf("a second start: %v", err)
		}
	})
}

// TestFlightSince leaves out what was over, and nothing else.
func TestFlightSince(t *testing.T) {
	r := newRecorder()
	startFlight(t, r, trace.MinFlightBytes, time.Minute)
	track := r.Track("w")
	long := track.Begin(nameOuter)
	open := track.Begin(nameOuter)
	track.Begin(nameInner).End()
	track.Instant(nameMark, trace.Int(keyN, 1))
	time.Sleep(20 * time.Millisecond)
	since := time.Now()
	time.Sleep(20 * time.Millisecond)
	track.Instant(nameMark, trace.Int(keyN, 2))
	dir, _ := snapshot(t, r)
	names := map[string]int{}
	f := recording.Follow(dir, recording.Options{Since: since.UnixNano()})
	defer f.Close()
	sums, err := f.Finish(t.Context(), func(b *recording.Batch) error {
		for e := range b.All() {
			names[e.Name.Text]++
		}
		return nil
	})
	if err != nil || names["outer"] != 2 || names["inner"] != 0 || names["mark"] != 1 || sums[0].Events != 3 {
		t.Errorf("%v, %+v, %v", names, sums, err)
	}
	open.End()
	long.End()
}

// TestFlightFolderGone goes on in the segment that it has, and when the folder is back, in the next.
func TestFlightFolderGone(t *testing.T) {
	r := newRecorder()
	ring := startFlight(t, r, trace.MinFlightBytes, time.Minute)
	track := r.Track("w")
	if err := os.RemoveAll(ring); err != nil {
		t.Fatal(err)
	}
	track.Instant(nameMark, trace.Int(keyN, 1))
	if _, err := r.Snapshot(trace.Snapshot{Dir: t.TempDir(), Label: "p"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a snapshot without the folder: %v", err)
	}
	start(t, r, filepath.Join(t.TempDir(), "a.seg"), 1<<20)
	if _, err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	if r.On() {
		t.Error("it records into nothing")
	}
	if _, err := r.Snapshot(trace.Snapshot{Dir: t.TempDir(), Label: "p"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a snapshot while nothing is recorded: %v", err)
	}
	if err := os.Mkdir(ring, 0o700); err != nil {
		t.Fatal(err)
	}
	snapshot(t, r)
	track.Instant(nameMark, trace.Int(keyN, 2))
	dir, _ := snapshot(t, r)
	if got := readAll(t, dir).tracks["w"]; len(got.marks) != 1 || !got.marks[2] {
		t.Errorf("marks %v", got.marks)
	}
}

// BenchmarkSnapshot is how long a snapshot of a full ring takes while a writer writes.
func BenchmarkSnapshot(b *testing.B) {
	for _, load := range []bool{false, true} {
		b.Run(fmt.Sprintf("load=%v", load), func(b *testing.B) {
			r := trace.New(trace.Options{})
			startFlight(b, r, 64<<20, 30*time.Second)
			var stop atomic.Bool
			var wg sync.WaitGroup
			if load {
				w := &flightWriter{track: r.Track("w")}
				wg.Go(func() { w.run(&stop, &atomic.Bool{}) })
			}
			for b.Loop() {
				if _, err := r.Snapshot(trace.Snapshot{Dir: b.TempDir(), Label: "p"}); err != nil {
					b.Fatal(err)
				}
			}
			stop.Store(true)
			wg.Wait()
		})
	}
}
