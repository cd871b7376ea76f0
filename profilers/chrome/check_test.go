package chrome

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// check holds a trace against what its readers need of one; each line was found by taking it away from a good trace.
func check(t *testing.T, f file) {
	t.Helper()
	checkRows(t, f)
	arrows := map[string]int{}
	for i, e := range f.TraceEvents {
		where := fmt.Sprintf("event %d, %s %q", i, e.Ph, e.Name)
		if e.Ph == "" || e.Name == "" || e.TS == "" {
			t.Errorf("%s: without ph, name or ts", where)
		}
		if !whole(e.PID) || !whole(e.TID) {
			t.Errorf("%s: pid %v, tid %v are no whole numbers", where, e.PID, e.TID)
		}
		if strings.HasPrefix(string(e.TS), "-") || strings.HasPrefix(string(e.Dur), "-") {
			t.Errorf("%s: ts %s, dur %s", where, e.TS, e.Dur)
		}
		switch e.Ph {
		case "X":
			if e.Cat == "" || e.Dur == "" || e.Cat == "Trace" {
				t.Errorf("%s: cat %q, dur %q", where, e.Cat, e.Dur)
			}
			checkDevice(t, where, e)
		case "s", "f":
			if e.Cat != e.Name || (e.BP == "e") != (e.Ph == "f") {
				t.Errorf("%s: cat %q, bp %q", where, e.Cat, e.BP)
			}
			arrows[fmt.Sprint(e.Cat, e.ID)] += map[string]int{"s": 1, "f": 1000}[e.Ph]
		}
	}
	for id, n := range arrows {
		if n != 1001 {
			t.Errorf("arrow %s has %d beginnings and %d ends", id, n%1000, n/1000)
		}
	}
}

// checkRows wants the spans of every row to nest.
func checkRows(t *testing.T, f file) {
	t.Helper()
	type place struct{ pid, tid any }
	rows := map[place][]event{}
	for _, e := range spansOf(f) {
		p := place{e.PID, e.TID}
		rows[p] = append(rows[p], e)
	}
	for p, row := range rows {
		checkRow(t, fmt.Sprint(p), row)
	}
}

func whole(v any) bool {
	n, ok := v.(float64)
	return ok && n == float64(int64(n)) && n >= 0
}

func checkDevice(t *testing.T, where string, e event) {
	t.Helper()
	switch e.Cat {
	case "kernel", "gpu_memcpy", "gpu_memset":
		for _, key := range []string{"device", "context", "stream", "correlation"} {
			if !whole(e.Args[key]) {
				t.Errorf("%s: %s is %v", where, key, e.Args[key])
			}
		}
		if e.Args["device"] != e.PID {
			t.Errorf("%s: device %v on pid %v", where, e.Args["device"], e.PID)
		}
	case "cuda_runtime", "cuda_driver":
		if !whole(e.Args["correlation"]) {
			t.Errorf("%s: correlation is %v", where, e.Args["correlation"])
		}
	case "cpu_op":
		if !whole(e.Args["External id"]) {
			t.Errorf("%s: External id is %v", where, e.Args["External id"])
		}
	}
}

// nanos is a time of a trace in ns, exactly.
func nanos(n json.Number) int64 {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return -1
	}
	r.Mul(r, big.NewRat(1000, 1))
	return r.Num().Int64()
}

// checkRow wants the spans of one row to enclose each other or to lie apart, with a nanosecond between any two ends.
func checkRow(t *testing.T, where string, row []event) {
	t.Helper()
	type span struct {
		from, to int64
		name     string
	}
	var spans []span
	for _, e := range row {
		if strings.HasPrefix(e.Name, "ProfilerStep#") {
			continue // the same as the step after it
		}
		from := nanos(e.TS)
		spans = append(spans, span{from, from + nanos(e.Dur), e.Name})
	}
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	var open []span
	for _, s := range spans {
		for len(open) > 0 && open[len(open)-1].to < s.from {
			open = open[:len(open)-1]
		}
		if len(open) > 0 && open[len(open)-1].to <= s.to {
			t.Errorf("row %s: %v overlaps %v in part", where, s, open[len(open)-1])
		}
		if s.to <= s.from {
			t.Errorf("row %s: %v has no length", where, s)
		}
		open = append(open, s)
	}
}
