package trace_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

var (
	nameOuter = trace.NameIn(trace.CategoryStep, "outer")
	nameInner = trace.NameIn(trace.CategoryOperator, "inner")
	nameMark  = trace.Name("mark")
	keyN      = trace.Name("n")
	keyEnd    = trace.Name("end")
)

// full tells whether the long tests are wanted.
func full() bool { return os.Getenv("STROBE_TEST") == "full" }

// newRecorder makes a recorder whose memory the race detector sees when there is one.
func newRecorder() *trace.Recorder {
	if trace.RaceEnabled {
		return trace.NewWith(trace.Options{}, trace.ClockCounter, true)
	}
	return trace.New(trace.Options{})
}

// writer writes spans and marks until told to stop, and counts what it wrote.
type writer struct {
	track *trace.Track
	spans uint64 // begun and ended; the recorder said that it took them
	marks int64
	calm  bool // sleeps within spans
}

func (w *writer) run(stop *atomic.Bool) {
	for i := 0; !stop.Load(); i++ {
		w.track.SetRequest(fmt.Sprintf("r%d", i%7))
		outer := w.begin(w.track.BeginArgs(nameOuter, trace.Int(keyN, int64(i))))
		for k := range 20 {
			inner := w.begin(w.track.Begin(nameInner))
			if k%5 == 0 {
				w.marks++
				w.track.Instant(nameMark, trace.Int(keyN, w.marks))
			}
			if w.calm && k == 3 {
				time.Sleep(50 * time.Microsecond)
			}
			inner.End()
		}
		outer.EndArgs(trace.Int(keyEnd, int64(i)))
		if i%10 == 0 {
			time.Sleep(200 * time.Microsecond) // leaves the reserve a chance
		}
	}
}

func (w *writer) begin(s trace.Span) trace.Span {
	if s != (trace.Span{}) {
		w.spans++
	}
	return s
}

// TestSwapLosesNothing swaps segments under writers and wants every span and every mark, once.
func TestSwapLosesNothing(t *testing.T) {
	before := trace.Mapped()
	dir := t.TempDir()
	r := newRecorder()
	const size = 16 << 20
	start(t, r, filepath.Join(dir, "0.seg"), size)
	var stop atomic.Bool
	var wg sync.WaitGroup
	writers := make([]*writer, 8)
	for i := range writers {
		w := &writer{track: r.Track(fmt.Sprintf("w%d", i)), calm: i%3 != 0}
		writers[i] = w
		wg.Go(func() { w.run(&stop) })
	}
	idle := r.Track("idle")
	idleSpan := idle.BeginArgs(nameOuter, trace.String(keyN, "open over all swaps"))
	d := 700 * time.Millisecond
	if full() {
		d = 10 * time.Second
	}
	swaps, lost, cut := 0, uint64(0), uint64(0)
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
		swaps++
		st, err := trace.Rotate(r, filepath.Join(dir, fmt.Sprintf("%d.seg", swaps)))
		if err != nil {
			t.Fatal(err)
		}
		lost += st.Lost.Total()
		cut += st.Lost.Truncated
	}
	stop.Store(true)
	wg.Wait()
	idleSpan.End()
	st, err := r.Stop()
	if err != nil {
		t.Fatal(err)
	}
	lost += st.Lost.Total()
	cut += st.Lost.Truncated

	got := readAll(t, dir)
	var spans, marks uint64
	for i, w := range writers {
		tr := got.tracks[fmt.Sprintf("w%d", i)]
		missing := w.spans - uint64(len(tr.closed))
		missingMarks := uint64(w.marks) - uint64(len(tr.marks))
		if missing+missingMarks > lost {
			t.Errorf("track %d: %d spans and %d marks missing, %d lost by their own account", i, missing, missingMarks, lost)
		}
		spans += w.spans
		marks += uint64(w.marks)
	}
	if got.twice > 0 || got.disordered > 0 || got.corrupt > 0 || uint64(got.misattributed) > cut {
		t.Errorf("%d events twice, %d out of order, %d corrupt, %d with another's request or arguments",
			got.twice, got.disordered, got.corrupt, got.misattributed)
	}
	if n := len(got.tracks["idle"].closed); n != 1 {
		t.Errorf("the span that was open all the time came %d times", n)
	}
	t.Logf("%d swaps, %d spans, %d marks, %d lost", swaps, spans, marks, lost)
	checkMappings(t, before, &writers)
	runtime.KeepAlive(idle)
}

// checkMappings wants that nothing is mapped any more once the tracks have gone.
func checkMappings(t *testing.T, before int64, writers *[]*writer) {
	t.Helper()
	if n := trace.Mapped() - before; n > int64(len(*writers))+1 {
		t.Errorf("%d mappings while %d tracks are idle", n, len(*writers)+1)
	}
	*writers = nil
	for range 100 {
		runtime.GC()
		if trace.Mapped() <= before+1 { // the idle track may be on the stack still
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d mappings leaked", trace.Mapped()-before)
}

// TestStartStopUnderWriters starts and stops recordings under writers; what is there is whole.
func TestStartStopUnderWriters(t *testing.T) {
	r := newRecorder()
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i := range 4 {
		w := &writer{track: r.Track(fmt.Sprintf("w%d", i)), calm: i%2 == 0}
		wg.Go(func() { w.run(&stop) })
	}
	n := 20
	if full() {
		n = 300
	}
	for i := range n {
		dir := t.TempDir()
		start(t, r, filepath.Join(dir, "a.seg"), 16<<20)
		time.Sleep(time.Duration(i%5) * time.Millisecond)
		st, err := r.Stop()
		if err != nil {
			t.Fatal(err)
		}
		got := readAll(t, dir)
		if got.twice > 0 || got.disordered > 0 || got.corrupt > 0 || got.misattributed > 0 {
			t.Errorf("%d events twice, %d out of order, %d corrupt, %d with another's request", got.twice, got.disordered, got.corrupt, got.misattributed)
		}
		if got.events != st.Events {
			t.Errorf("read %d events, stop said %d", got.events, st.Events)
		}
	}
	stop.Store(true)
	wg.Wait()
}

func start(t testing.TB, r *trace.Recorder, path string, size int64) {
	t.Helper()
	p := trace.Process{Kind: trace.ProcessModel, Name: "test"}
	if err := r.Start(trace.Start{Path: path, MaxBytes: size, Process: p}); err != nil {
		t.Fatal(err)
	}
}

// seen is what a recording holds, by track name.
type seen struct {
	tracks                                    map[string]*seenTrack
	events                                    uint64
	twice, disordered, corrupt, misattributed int
	summaries                                 []recording.Summary
}

type seenTrack struct {
	closed map[uint64]bool
	open   map[uint64]bool
	marks  map[int64]bool
	last   int64
}

func readAll(t testing.TB, dir string) *seen {
	t.Helper()
	s := &seen{tracks: map[string]*seenTrack{}}
	var err error
	s.summaries, err = recording.Read(context.Background(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			s.add(e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range s.summaries {
		s.corrupt += int(m.Lost.Corrupt)
		if m.Error != "" {
			t.Errorf("summary: %s", m.Error)
		}
	}
	return s
}

func (s *seen) add(e *recording.Event) {
	s.events++
	tr := s.tracks[e.Track.Name]
	if tr == nil {
		tr = &seenTrack{closed: map[uint64]bool{}, open: map[uint64]bool{}, marks: map[int64]bool{}}
		s.tracks[e.Track.Name] = tr
	}
	at := e.Start
	switch e.Kind {
	case recording.Span:
		at = e.End
		if tr.closed[e.Seq] || tr.open[e.Seq] {
			s.twice++
		}
		if e.Open {
			tr.open[e.Seq] = true
		} else {
			tr.closed[e.Seq] = true
		}
		s.check(e)
	case recording.Instant:
		if tr.marks[e.Args[0].Int] {
			s.twice++
		}
		tr.marks[e.Args[0].Int] = true
	}
	if at < tr.last {
		s.disordered++
	}
	tr.last = at
}

// check looks at what the writers put into an outer span, or inherit to an inner one.
func (s *seen) check(e *recording.Event) {
	if e.Name.Text != "outer" || e.Track.Name[0] != 'w' || len(e.Args) == 0 {
		return
	}
	n := e.Args[0].Int
	if e.Request != fmt.Sprintf("r%d", n%7) || !e.Open && (len(e.Args) != 2 || e.Args[1].Int != n) {
		s.misattributed++
	}
}
