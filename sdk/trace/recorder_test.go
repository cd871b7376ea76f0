package trace_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("STROBE_TEST_KILLED_WRITER"); dir != "" {
		writeUntilKilled(dir)
	}
	if dir := os.Getenv("STROBE_TEST_FULL_DISK"); dir != "" {
		os.Exit(writeBeyondTheDisk(dir))
	}
	if dir := os.Getenv("STROBE_TEST_READ_ONLY"); dir != "" {
		os.Exit(recordReadOnly(dir))
	}
	goleak.VerifyTestMain(m)
}

const mib = 1 << 20

func TestStartRefuses(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "there.seg")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		in   trace.Start
		want string
	}{
		{"no path", trace.Start{MaxBytes: mib}, "path"},
		{"too small", trace.Start{Path: filepath.Join(dir, "a.seg"), MaxBytes: mib - 1}, "max bytes"},
		{"file exists", trace.Start{Path: there, MaxBytes: mib}, "there.seg"},
		{"no folder", trace.Start{Path: filepath.Join(dir, "none", "a.seg"), MaxBytes: mib}, "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRecorder()
			defer r.Close()
			err := r.Start(test.in)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that names %q", err, test.want)
			}
			if r.On() {
				t.Error("the recorder is on")
			}
		})
	}
}

func TestLifeCycle(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder()
	if _, err := r.Stop(); !errors.Is(err, trace.ErrNotRecording) {
		t.Errorf("stop when off: %v", err)
	}
	start(t, r, filepath.Join(dir, "a.seg"), mib)
	if err := r.Start(trace.Start{Path: filepath.Join(dir, "b.seg"), MaxBytes: mib}); !errors.Is(err, trace.ErrRecording) {
		t.Errorf("second start: %v", err)
	}
	fi, err := os.Stat(filepath.Join(dir, "a.seg"))
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if err := r.Start(trace.Start{Path: filepath.Join(dir, "c.seg"), MaxBytes: mib}); err == nil {
		t.Error("started after close")
	}
}

func TestNothingWithoutRecording(t *testing.T) {
	r := newRecorder()
	for name, track := range map[string]*trace.Track{"nil": nil, "off": r.Track("t")} {
		t.Run(name, func(t *testing.T) {
			track.SetRequest("r")
			s := track.Begin(nameOuter)
			s.End()
			s.EndArgs(trace.Int(keyN, 1))
			track.BeginArgs(nameOuter, trace.Int(keyN, 1)).End()
			track.Instant(nameMark, trace.Int(keyN, 1))
			track.Count(nameMark, 1)
			track.CountFloat(nameMark, 1)
			track.FlowOut(1)
			track.FlowIn(1)
			track.Release()
			if s != (trace.Span{}) {
				t.Error("a span was begun")
			}
		})
	}
	trace.Span{}.End()
}

// events reads a folder as lines: kind, track, name, depth, request, arguments.
func events(t *testing.T, dir string) []string {
	t.Helper()
	var lines []string
	_, err := recording.Read(t.Context(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			l := fmt.Sprintf("%d %s %s depth=%d parent=%d", e.Kind, e.Track.Name, e.Name.Text, e.Depth, e.Parent)
			if e.Request != "" {
				l += " request=" + e.Request
			}
			if e.Open {
				l += " open"
			}
			if e.Kind == recording.Counter {
				l += fmt.Sprintf(" value=%g", e.Value)
			}
			if e.Flow != 0 {
				l += fmt.Sprintf(" flow=%d", e.Flow)
			}
			for _, a := range e.Args {
				l += fmt.Sprintf(" %s:%d,%g,%q", a.Key.Text, a.Int, a.Float, a.Text)
			}
			lines = append(lines, l)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestEverythingComesBack(t *testing.T) {
	for _, clock := range []struct {
		name string
		kind uint8
	}{{"counter", trace.ClockCounter}, {"monotonic", trace.ClockMonotonic}} {
		t.Run(clock.name, func(t *testing.T) {
			dir := t.TempDir()
			r := trace.NewWith(trace.Options{}, clock.kind, trace.RaceEnabled)
			start(t, r, filepath.Join(dir, "a.seg"), mib)
			w := r.Track("worker")
			w.SetRequest("r1")
			a := w.BeginArgs(nameOuter, trace.Int(keyN, -5), trace.Float(keyN, math.Inf(1)), trace.Bool(keyN, true), trace.Bool(keyN, false),
				trace.Text(keyN, nameMark), trace.Shapes(keyN, trace.Name("[[1,2]]")), trace.String(keyN, "bad \xff utf-8"), trace.String(keyN, ""))
			w.SetRequest("r2")
			b := w.Begin(nameInner)
			w.FlowIn(9)
			w.Instant(nameMark, trace.String(keyEnd, "text"))
			w.CountFloat(nameMark, math.NaN())
			w.Count(nameMark, -3)
			b.EndArgs(trace.Float(keyEnd, math.NaN()))
			b.End() // ended already
			w.SetRequest("")
			w.FlowOut(8)
			a.EndArgs(trace.Int(keyEnd, 1))
			w.Begin(nameInner)
			st, err := r.Stop()
			if err != nil {
				t.Fatal(err)
			}
			want := []string{
				"5 worker  depth=2 parent=2 request=r2 flow=9",
				`2 worker mark depth=2 parent=2 request=r2 end:0,0,"text"`,
				"3 worker mark depth=2 parent=2 request=r2 value=NaN",
				"3 worker mark depth=2 parent=2 request=r2 value=-3",
				`1 worker inner depth=1 parent=1 request=r2 end:0,NaN,""`,
				"4 worker  depth=1 parent=1 flow=8",
				`1 worker outer depth=0 parent=0 request=r1 n:-5,0,"" n:0,+Inf,"" n:1,0,"" n:0,0,"" n:0,0,"mark" n:0,0,"[[1,2]]" n:0,0,"bad ` + "\uFFFD" + ` utf-8" n:0,0,"" end:1,0,""`,
				"1 worker inner depth=0 parent=0 open",
			}
			if d := cmp.Diff(want, events(t, dir)); d != "" {
				t.Errorf("events (-want +got):\n%s", d)
			}
			st.Lost.Names = 0 // of the whole process
			if st.Events != 8 || st.Lost != (trace.Losses{}) {
				t.Errorf("stats %+v", st)
			}
		})
	}
}

func TestProcessComesBack(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder()
	want := trace.Process{Kind: trace.ProcessModel, Name: "dit", Model: "emoji", Stage: 2, StageName: "diffusion", Rank: 3, Synthetic: true}
	if err := r.Start(trace.Start{Path: filepath.Join(dir, "a.seg"), MaxBytes: mib, Process: want}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	s, err := recording.Read(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := s[0].Process
	if d := cmp.Diff(want, p.Process); d != "" || p.PID != os.Getpid() || runtime.GOOS == "linux" && p.BootID == "" {
		t.Errorf("pid %d, boot %q, %s", p.PID, p.BootID, d)
	}
}

func TestEndingASpanEndsWhatIsWithin(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder()
	start(t, r, filepath.Join(dir, "a.seg"), mib)
	w := r.Track("w")
	a := w.Begin(nameOuter)
	b := w.Begin(nameInner)
	w.Begin(nameMark)
	a.End()
	b.End()
	w.Begin(nameOuter).End()
	if _, err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1 w mark depth=2 parent=2", "1 w inner depth=1 parent=1", "1 w outer depth=0 parent=0", "1 w outer depth=0 parent=0",
	}
	if d := cmp.Diff(want, events(t, dir)); d != "" {
		t.Error(d)
	}
}

func TestSpansAcrossRecordings(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	r := newRecorder()
	w := r.Track("w")
	off := w.Begin(nameOuter)
	start(t, r, filepath.Join(one, "a.seg"), mib)
	w.SetRequest("r")
	a := w.Begin(nameOuter)
	b := w.Begin(nameInner)
	stop(t, r)
	b.End() // after the stop: stays open in the first recording
	start(t, r, filepath.Join(two, "a.seg"), mib)
	c := w.Begin(nameMark)
	a.End() // of the first recording: does nothing
	off.End()
	c.End()
	stop(t, r)
	if d := cmp.Diff([]string{"1 w inner depth=1 parent=1 request=r open", "1 w outer depth=0 parent=0 request=r open"}, events(t, one)); d != "" {
		t.Errorf("first: %s", d)
	}
	if d := cmp.Diff([]string{"1 w mark depth=0 parent=0 request=r"}, events(t, two)); d != "" {
		t.Errorf("second: %s", d)
	}
}

func stop(t testing.TB, r *trace.Recorder) trace.Stats {
	t.Helper()
	st, err := r.Stop()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestBoundsAreCounted(t *testing.T) {
	long := strings.Repeat("é", 600)
	for _, test := range []struct {
		name  string
		write func(w *trace.Track)
		want  func(st trace.Stats) bool
	}{
		{"long string", func(w *trace.Track) { w.Instant(nameMark, trace.String(keyN, long)) }, func(st trace.Stats) bool {
			return st.Events == 1 && st.Lost.Truncated == 1
		}},
		{"many strings", func(w *trace.Track) {
			args := make([]trace.Arg, 20)
			for i := range args {
				args[i] = trace.String(keyN, long[:1000])
			}
			w.BeginArgs(nameOuter, args...).EndArgs(args...)
		}, func(st trace.Stats) bool { return st.Events == 1 && st.Lost.Truncated > 20 }},
		{"300 deep", func(w *trace.Track) {
			s := w.Begin(nameOuter)
			for range 299 {
				w.Begin(nameInner)
			}
			s.End()
		}, func(st trace.Stats) bool { return st.Events == 255 && st.Lost.Depth == 45 }},
		{"file full", func(w *trace.Track) {
			for range 100_000 {
				w.Count(nameMark, 1)
			}
		}, func(st trace.Stats) bool {
			return st.Events+st.Lost.Total() == 100_000 && st.Lost.Full > 0 && st.Bytes <= mib
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			r := newRecorder()
			start(t, r, filepath.Join(dir, "a.seg"), mib)
			test.write(r.Track("w"))
			live := r.Stats()
			st := stop(t, r)
			if !test.want(st) {
				t.Errorf("stats %+v", st)
			}
			if live.Events != st.Events {
				t.Errorf("%d events live, %d at the stop", live.Events, st.Events)
			}
			got := readAll(t, dir)
			if got.events != st.Events || got.corrupt > 0 {
				t.Errorf("%d events read, %d corrupt, stats %+v", got.events, got.corrupt, st)
			}
			if d := cmp.Diff(st.Lost, got.summaries[0].Lost.Losses); d != "" || got.summaries[0].Bytes != st.Bytes {
				t.Errorf("losses or bytes differ in the summary: %+v, %s", got.summaries[0], d)
			}
			fi, err := os.Stat(filepath.Join(dir, "a.seg"))
			if err != nil || fi.Size() != st.Bytes {
				t.Errorf("file of %d bytes, stats say %d", fi.Size(), st.Bytes)
			}
		})
	}
}

func TestLongNameIsCut(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder()
	start(t, r, filepath.Join(dir, "a.seg"), mib)
	n := trace.Name(strings.Repeat("x", 1<<20))
	r.Track("w").Instant(n)
	st := stop(t, r)
	if got := events(t, dir); len(got) != 1 || len(got[0]) < 4096 || len(got[0]) > 4200 || st.Lost.Names == 0 {
		t.Errorf("%d events, stats %+v", len(got), st)
	}
	if trace.Name(strings.Repeat("x", 1<<20)) != n {
		t.Error("the same name has another id")
	}
	if trace.NameIn(trace.CategoryStep, "mark") == trace.Name("mark") || trace.Name("") != 0 {
		t.Error("names of two categories are one, or the empty name is not 0")
	}
}
