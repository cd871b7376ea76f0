package chrome

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// checkJoins wants of a trace what tools join by: each call within the operator of its External id, on that row; each arrow between a
// call and device work of its number; the number of device work on a call. It gives back how many calls lie within an operator.
func checkJoins(t *testing.T, f file) (within int) {
	t.Helper()
	type key struct{ pid, id any }
	operators, calls, work, arrows := map[key]event{}, map[any]event{}, map[any]event{}, map[any]int{}
	for _, e := range f.TraceEvents {
		switch {
		case e.Cat == "cpu_op":
			operators[key{e.PID, e.Args["External id"]}] = e
		case e.Cat == "cuda_runtime":
			calls[e.Args["correlation"]] = e
		case e.Cat == "kernel" || e.Cat == "gpu_memcpy" || e.Cat == "gpu_memset":
			work[e.Args["correlation"]] = e
		case e.Ph == "s" && e.Cat == "ac2g":
			arrows[e.ID]++
		}
	}
	for id, e := range calls {
		if op, ok := operators[key{e.PID, e.Args["External id"]}]; ok {
			if e.TID != op.TID || nanos(e.TS) <= nanos(op.TS) || nanos(e.TS)+nanos(e.Dur) >= nanos(op.TS)+nanos(op.Dur) {
				t.Errorf("call %v at %v +%v on row %v is not within %q at %v +%v on row %v", id, e.TS, e.Dur, e.TID, op.Name, op.TS, op.Dur, op.TID)
			}
			within++
		}
	}
	for id, e := range work {
		if arrows[id] != 1 || calls[id].Args["External id"] != e.Args["External id"] {
			t.Errorf("%s %v: %d arrows, of operator %v, its call of %v", e.Cat, id, arrows[id], e.Args["External id"], calls[id].Args["External id"])
		}
	}
	return within
}

// TestCallsComeAnyhow shuffles when calls and device work come, before and long after the spans around them: nothing changes.
func TestCallsComeAnyhow(t *testing.T) {
	const steps = 20
	for seed := range uint64(20) {
		n := names{}
		b := gpuRank(n, 0, steps)
		late := slices.Clone(b.Events)
		rnd := rand.New(rand.NewPCG(seed, 3))
		at := map[*recording.Event]float64{}
		for i := range b.Events {
			at[&b.Events[i]] = float64(i)
			if tr := b.Events[i].Track; tr.Device || tr.Calls {
				at[&b.Events[i]] += (rnd.Float64() - 0.5) * 400
			}
		}
		order := make([]*recording.Event, len(b.Events))
		for i := range b.Events {
			order[i] = &b.Events[i]
		}
		slices.SortStableFunc(order, func(a, b *recording.Event) int { return cmp.Compare(at[a], at[b]) })
		for i, e := range order {
			late[i] = *e
		}
		f := one(t, &recording.Batch{Process: b.Process, Events: late})
		if p := f.Strobe.Processes[0]; p.Fitted > 0 || p.Events != uint64(len(late)) || p.Passed > 0 {
			t.Errorf("seed %d: %+v", seed, p)
		}
		if n := checkJoins(t, f); n != 6*steps {
			t.Errorf("seed %d: %d calls within operators", seed, n)
		}
		notes := 0
		for _, e := range f.TraceEvents {
			if e.Cat == "gpu_user_annotation" {
				notes++
			}
		}
		if notes != 2*steps {
			t.Errorf("seed %d: %d annotations of devices for %d steps on two streams", seed, notes, steps)
		}
	}
}

// TestCallsOfAnotherClock moves calls by what two clocks may differ: they are put within their operators, and counted.
func TestCallsOfAnotherClock(t *testing.T) {
	for _, shift := range []int64{-2500, -900, 700, 1500, 4200} {
		n := names{}
		b := gpuRank(n, 0, 3)
		for i := range b.Events {
			if e := &b.Events[i]; e.Track.Calls {
				e.Start += shift
				e.End += shift
			}
		}
		f := one(t, b)
		if n := checkJoins(t, f); n != 18 {
			t.Errorf("%d ns: %d calls within operators", shift, n)
		}
		if p := f.Strobe.Processes[0]; (p.Fitted > 0) != (absolute(shift) > 1500) {
			t.Errorf("%d ns: %+v", shift, p)
		}
	}
}

// TestCallsWithoutASpan are of no span, of one that never comes, far outside theirs, and at once: they have rows of their own.
func TestCallsWithoutASpan(t *testing.T) {
	n := names{}
	r := rank(n, 0)
	h, c := r.track("worker"), r.calls(7)
	h.begin(100, trace.CategoryOperator, "op")
	c.work(101, 2, trace.WorkRuntimeCall, 1, h, "cudaLaunchKernel_v7000")
	c.work(5000, 2, trace.WorkRuntimeCall, 2, h, "cudaFar_v7000")
	h.end(110)
	c.work(200, 2, trace.WorkRuntimeCall, 3, nil, "cudaFree_v3020")
	c.work(201, 4, trace.WorkRuntimeCall, 4, nil, "cudaOverlap_v3020")
	c.work(199, 9, trace.WorkOverhead, 0, nil, "Resource")
	h.begin(300, trace.CategoryOperator, "lost")
	c.work(301, 2, trace.WorkDriverCall, 5, h, "cuLaunchKernel")
	h.open = nil
	c.work(50, 0, trace.WorkOther, 0, c, "of what?")
	f := one(t, r.batch())
	rows := map[string]any{}
	for _, e := range spansOf(f) {
		rows[e.Name] = e.TID
	}
	if p := f.Strobe.Processes[0]; p.Events != 8 || p.Passed != 0 || p.Fitted != 2 {
		t.Errorf("%+v", p)
	}
	if rows["cudaLaunchKernel"] != 1.0 || rows["cudaFar"] != 2.0 || rows["cuLaunchKernel"] != 2.0 || rows["cudaOverlap"] == rows["cudaFree"] {
		t.Errorf("%v", rows)
	}
}

// TestKeptAgainstAll compares where calls may be with a look at all spans.
func TestKeptAgainstAll(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		var k kept
		var all []keptSpan
		seq, now := uint64(0), int64(0)
		var fill func(parent uint64, depth int)
		fill = func(parent uint64, depth int) {
			for range rnd.IntN(5) {
				seq++
				now += 2 + rnd.Int64N(9)
				s := keptSpan{interval{now, 0}, seq, parent}
				if rnd.IntN(8) == 0 {
					seq++ // one that a filter left out
				}
				if depth < 4 {
					fill(s.seq, depth+1)
				}
				now += 3 + rnd.Int64N(9)
				s.end = now
				k.keep(s.seq, parent, s.interval)
				all = append(all, s)
			}
		}
		fill(0, 0)
		for _, around := range all {
			moment := around.start + rnd.Int64N(around.end-around.start+1)
			want := interval{around.start + gap, around.end - gap}
			moment = min(max(moment, want.start), want.end)
			for again := true; again; {
				again = false
				want.end = around.end - gap
				for _, s := range all {
					switch {
					case s.parent != around.seq:
					case s.start <= moment:
						want.start = max(want.start, s.end+gap)
						if want.start > moment {
							moment, again = want.start, true
						}
					default:
						want.end = min(want.end, s.start-gap)
					}
				}
			}
			if got, ok := k.free(around.seq, moment); !ok || got != want {
				t.Fatalf("seed %d: within %+v at %d: %v %v, want %v", seed, around, moment, got, ok, want)
			}
		}
	}
}

// TestLane puts spans that nest, in any order, and such that overlap.
func TestLane(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		var l lane
		var row []event
		for i := range 200 {
			start := 10 + rnd.Int64N(3000)
			want := interval{start, start + rnd.Int64N(60)}
			at, ok := l.put(want, interval{0, 1 << 40}, 5)
			if ok {
				if absolute(at.start-want.start) > 5 || absolute(at.end-want.end) > 5 {
					t.Fatalf("%v was put to %v", want, at)
				}
				row = append(row, spanAt(at, i))
			}
		}
		checkRow(t, fmt.Sprint("seed ", seed), row)
		if len(row) < 20 {
			t.Errorf("seed %d: %d spans", seed, len(row))
		}
	}
	var l lane
	for i := range int64(3 * rowMemory) {
		if _, ok := l.put(interval{i * 10, i*10 + 5}, interval{0, 1 << 40}, 2); !ok {
			t.Fatal(i)
		}
	}
	if _, ok := l.put(interval{1, 2}, interval{0, 1 << 40}, 2); ok || len(l.spans) > 2*rowMemory {
		t.Errorf("%d spans are kept; one from before: %v", len(l.spans), ok)
	}
}

func spanAt(at interval, i int) event {
	var e event
	e.TS, e.Dur, e.Name = json.Number(appendMicros(nil, at.start)), json.Number(appendMicros(nil, at.end-at.start)), fmt.Sprint("s", i)
	return e
}

// TestAbsentDeviceEvents: the trace says why there are none.
func TestAbsentDeviceEvents(t *testing.T) {
	n := names{}
	r := rank(n, 0)
	r.Facts = []recording.Fact{{Name: n.in(0, "cuda"), Args: []recording.Arg{n.text("state", "absent"), n.text("reason", `no "device"`)}}}
	r.track("worker").span(1, 2, trace.CategoryStage, "work")
	dir := t.TempDir()
	for _, a := range export(t, profileIn(dir), r.batch()) {
		f := parse(t, filepath.Join(dir, filepath.FromSlash(a.Name)))
		want := `stage 0 diffusion rank 0 (dit): device events: absent: no "device"`
		if !slices.Equal(f.WARNING, []string{want}) || f.Strobe.Processes[0].DeviceEvents != `absent: no "device"` {
			t.Errorf("%s: %q, %+v", a.Name, f.WARNING, f.Strobe)
		}
	}
}
