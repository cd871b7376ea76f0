package chrome

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// mergedOf exports a batch of a rank and gives back the merged file.
func mergedOf(t *testing.T, b *recording.Batch) file {
	t.Helper()
	dir := t.TempDir()
	artifacts := export(t, profileIn(dir), b)
	return parse(t, filepath.Join(dir, filepath.FromSlash(artifacts[1].Name)))
}

// one exports a batch of a rank and gives back the rank's file.
func one(t *testing.T, b *recording.Batch) file {
	t.Helper()
	dir := t.TempDir()
	artifacts := export(t, profileIn(dir), b)
	f := parse(t, filepath.Join(dir, artifacts[0].Name))
	check(t, f)
	check(t, parse(t, filepath.Join(dir, filepath.FromSlash(artifacts[1].Name))))
	return f
}

func find(t *testing.T, f file, name string) event {
	t.Helper()
	for _, e := range f.TraceEvents {
		if e.Name == name {
			return e
		}
	}
	t.Fatalf("no event %q", name)
	return event{}
}

func TestHostileTexts(t *testing.T) {
	for _, text := range []string{
		`quote " backslash \ slash /`, "new\nline\ttab\rreturn\x00nul\x1besc\x7fdel", "caf\xe9 \xff\xfe invalid", "snowman ☃ and 😀", "\u2028\u2029", "</script>", strings.Repeat("long", 1024), "",
	} {
		t.Run(fmt.Sprintf("%.12q", text), func(t *testing.T) {
			n := names{}
			r := rank(n, 0)
			w := r.track("t" + text)
			w.request = "r" + text
			w.span(1, 2, trace.CategoryOperator, "n"+text, n.text("k"+text, "v"+text), recording.Arg{Key: n.in(0, "s"), Type: trace.TypeString, Text: text})
			f := one(t, r.batch())
			valid := strings.ToValidUTF8(text, "\uFFFD")
			if !strings.Contains(text, "\xff\xfe") { // a run of bad bytes is one U+FFFD there, and one each here
				e := find(t, f, "n"+valid)
				want := map[string]any{"External id": 1.0, "Record function id": 0.0, "Ev Idx": 0.0, "request_id": "r" + valid, "k" + valid: "v" + valid, "s": valid}
				if diff := cmp.Diff(want, e.Args); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestArguments(t *testing.T) {
	n := names{}
	r := rank(n, 0)
	w := r.track("worker")
	w.span(1, 2, 0, "numbers", n.float("nan", math.NaN()), n.float("inf", math.Inf(1)), n.float("low", math.Inf(-1)), n.float("tiny", 5e-324),
		n.num("min", math.MinInt64), n.flag("yes", true), n.flag("no", false), n.shapes("none", ""), n.shapes("Input Dims", "[[1,2],[3]]"))
	w.request = "img-9"
	w.span(10, 2, trace.CategoryOperator, "op", n.text("request_id", "mine"), n.num("External id", 99), n.text("module", "m"), n.shapes("Input Dims", "[[4]]"), n.flag("open", false))
	w.instant(20, trace.CategoryMemory, "[memory]", n.num("Bytes", -5))
	w.begin(30, trace.CategoryStage, "cut", n.flag("open", false))
	w.cut(40)
	f := one(t, r.batch())
	for name, want := range map[string]map[string]any{
		"numbers": {
			"nan": "NaN", "inf": "Infinity", "low": "-Infinity", "tiny": 5e-324, "min": float64(math.MinInt64), "yes": true, "no": false,
			"none": []any{}, "Input Dims": []any{[]any{1.0, 2.0}, []any{3.0}},
		},
		"op": {
			"External id": 2.0, "Record function id": 0.0, "Ev Idx": 1.0, "Input Dims": []any{[]any{4.0}}, "request_id": "img-9", "module": "m", "open": false,
		},
		"[memory]": {"request_id": "img-9", "Bytes": -5.0},
		"cut":      {"request_id": "img-9", "open": true},
	} {
		if diff := cmp.Diff(want, find(t, f, name).Args); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestCountersThatAreNoNumbersAreLeftOut(t *testing.T) {
	n := names{}
	r := rank(n, 0)
	l := r.track("counters")
	for i, v := range []float64{1, math.NaN(), math.Inf(1), 2.5} {
		l.count(float64(i), "cpu_percent", v, true)
	}
	f := one(t, r.batch())
	var got []any
	for _, e := range f.TraceEvents {
		if e.Ph == "C" {
			got = append(got, e.Args["value"])
		}
	}
	if diff := cmp.Diff([]any{1.0, 2.5}, got); diff != "" {
		t.Error(diff)
	}
	if p := f.Strobe.Processes[0]; p.Passed != 2 || p.Events != 2 {
		t.Errorf("%+v", p)
	}
}

func TestTimes(t *testing.T) {
	base := dayStart(started)
	for ns, want := range map[int64]string{
		0: "0.000", 1: "0.001", 999: "0.999", 1000: "1.000", 12_345: "12.345", 123_456: "123.456", 1_000_000_007: "1000000.007",
		86_399_999_999_999: "86399999999.999", 3_600_000_000_000: "3600000000.000",
	} {
		var c clock
		for range 2 {
			if got := string(c.append(nil, ns)); got != want {
				t.Errorf("clock: %d ns is %s, want %s", ns, got, want)
			}
		}
		if got := string(appendMicros(nil, ns)); got != want {
			t.Errorf("appendMicros: %d ns is %s, want %s", ns, got, want)
		}
	}
	n := names{}
	r := rank(n, 0)
	w := r.track("worker")
	w.p.events = append(w.p.events, recording.Event{Kind: recording.Span, Track: w.Track, Name: n.in(0, "early"), Start: base - 50, End: base + 7, Seq: 1})
	if e := find(t, one(t, r.batch()), "early"); e.TS != "0.000" || e.Dur != "0.007" {
		t.Errorf("a span that began before the base: ts %s, dur %s", e.TS, e.Dur)
	}
}

func TestStepsAreAnnotated(t *testing.T) {
	n := names{}
	r := rank(n, 0)
	generate(r.track("worker"), 0, "img", 1, 3, 1)
	f := one(t, r.batch())
	var steps []string
	for i, e := range f.TraceEvents {
		if strings.HasPrefix(e.Name, "ProfilerStep#") {
			steps = append(steps, e.Name)
			if next := f.TraceEvents[i+1]; next.Name != "denoise_step" || next.TS != e.TS || next.Dur != e.Dur || next.TID != e.TID {
				t.Errorf("%s is followed by %+v", e.Name, next)
			}
		}
	}
	if diff := cmp.Diff([]string{"ProfilerStep#1", "ProfilerStep#2", "ProfilerStep#3"}, steps); diff != "" {
		t.Error(diff)
	}
}

// TestNestedAnyhow writes random nested spans of a coarse clock, and checks that every row still nests.
func TestNestedAnyhow(t *testing.T) {
	for seed := range uint64(30) {
		n := names{}
		r := rank(n, 0)
		r.track("worker").anyhow(seed)
		if f := one(t, r.batch()); len(spansOf(f)) < 150 {
			t.Errorf("seed %d: %d spans", seed, len(spansOf(f)))
		}
	}
}

// anyhow adds random nested spans of a clock that ticks each half microsecond.
func (l *line) anyhow(seed uint64) {
	rnd, now := rand.New(rand.NewPCG(seed, 1)), 0.0
	for range 400 {
		now += float64(rnd.IntN(3)) * 0.5
		if len(l.open) > 0 && rnd.IntN(2) == 0 {
			l.end(now)
		} else if len(l.open) < 12 {
			l.begin(now, trace.Category(rnd.IntN(6)), fmt.Sprint("s", rnd.IntN(9)))
		}
	}
	l.cut(now)
}

// TestDamagedNesting writes spans that overlap in part, as a clock that jumps back makes them.
func TestDamagedNesting(t *testing.T) {
	n := names{}
	r := rank(n, 0)
	w := r.track("worker")
	w.begin(100, 2, "outer")
	w.span(90, 20, 2, "before its parent")
	w.span(105, 40, 2, "overlaps its sister")
	w.span(120, -10, 2, "ends before it begins")
	w.end(130)
	f := one(t, r.batch())
	if p := f.Strobe.Processes[0]; p.Fitted == 0 || p.Events != 4 {
		t.Errorf("%+v", p)
	}
}

func TestNoAllocations(t *testing.T) {
	batches, length := realBatches()
	s, err := New().Open(t.Context(), profileIn(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	next := func() {
		b := batches[i%len(batches)]
		i++
		if err := s.Consume(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		later(b, length)
	}
	for range 2 * len(batches) {
		next()
	}
	// A batch has 4,096 events. What is left grows with the requests, whose arrows wait for core's.
	if n := testing.AllocsPerRun(50, next); n > 4 {
		t.Errorf("%v allocations a batch", n)
	}
}

// FuzzEvents exports events out of any bytes: each file must be sound JSON whose rows nest.
func FuzzEvents(f *testing.F) {
	f.Add([]byte("\x01\x02\x03\x04\x05\x06\x01\x05\x02\x00\x01\x01\x04\x03\x01\x05\x09\x02"))
	f.Add([]byte("spans that end in order, at depths that make no sense, some of them on a device's track"))
	f.Fuzz(exportAnything)
}

func TestAnything(t *testing.T) {
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		data := make([]byte, 6*300)
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		exportAnything(t, data)
	}
}

func exportAnything(t *testing.T, data []byte) {
	n := names{}
	r := rank(n, 0)
	lines := []*line{r.track("a"), r.track("b"), r.stream(0, 7)}
	hung := len(data) > 0 && data[0]%2 == 1 // calls that hang on anything: their spans may overlap, but that is all
	if hung {
		lines = append(lines, r.calls(9))
	}
	now := int64(0)
	for ; len(data) >= 6; data = data[6:] {
		now += int64(data[0] % 4)
		e := recording.Event{
			Kind: recording.Kind(data[1] % 7), Open: data[1] > 200, Float: data[1] > 100, Depth: uint16(data[2] % 6), Track: lines[int(data[2])%len(lines)].Track,
			Name: n.in(trace.Category(data[3]%10), fmt.Sprint("n", data[3]%5)), Start: at(0) + now - int64(data[4]%16), End: at(0) + now,
			Seq: uint64(data[5] % 8), Parent: uint64(data[5] / 32), Flow: uint64(data[5] % 4), Value: float64(data[4]),
		}
		if e.Track.Device || e.Track.Calls {
			e.Work = recording.Work{Kind: trace.WorkKind(data[3] % 11), Correlation: uint64(data[5] % 8), Track: lines[int(data[4])%len(lines)].Track, External: uint64(data[5] % 8)}
		}
		if data[3]%2 == 0 {
			e.Args = []recording.Arg{n.num("correlation", int64(data[5])), n.text("module", fmt.Sprint(data[4]%3))}
		}
		r.events = append(r.events, e)
	}
	if f := mergedOf(t, r.batch()); !hung {
		checkRows(t, f)
	}
}

func FuzzString(f *testing.F) {
	f.Add("plain")
	f.Add("\"\\\n\x00\x7f\xff☃\u2028")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		var want strings.Builder
		for _, r := range s {
			want.WriteRune(r)
		}
		if got != want.String() {
			t.Errorf("%q came back as %q", s, got)
		}
	})
}
