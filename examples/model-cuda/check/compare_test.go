package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// made is a recording of one step, as it should be but for what a test changes of its last kernel.
func made(t *testing.T, change func(launch, kernel *trace.Work) (keep bool)) string {
	t.Helper()
	dir := t.TempDir()
	rec := trace.New(trace.Options{})
	defer rec.Close()
	if err := rec.Start(trace.Start{Path: filepath.Join(dir, "a.seg"), MaxBytes: 8 << 20, Process: trace.Process{Kind: trace.ProcessModel, Name: "model-cuda"}}); err != nil {
		t.Fatal(err)
	}
	track, calls, stream := rec.Track("worker"), rec.CallTrack("thread 1", 1), rec.DeviceTrack("stream 7", 0, 1, 7)
	work := func(name string, in trace.Category, kind trace.WorkKind, n uint64, around trace.SpanID) *trace.Work {
		at := rec.Now()
		return &trace.Work{Name: trace.NameIn(in, name), Kind: kind, Begin: at, End: rec.Now(), Correlation: n, External: around}
	}
	for n := uint64(1); n <= perStep*perOperator; {
		op := track.Begin(nameOperator)
		for range perOperator {
			launch := work("cuLaunchKernel", trace.CategoryRuntime, trace.WorkDriverCall, n, op.ID())
			ran := work(kernelName, trace.CategoryDevice, trace.WorkKernel, n, op.ID())
			calls.Put(launch)
			if n < perStep*perOperator || change(launch, ran) {
				stream.Put(ran)
			}
			n++
		}
		op.End()
	}
	track.Count(trace.NameIn(trace.CategoryCounter, "launches"), 80)
	if _, err := rec.Stop(); err != nil {
		t.Fatal(err)
	}
	return dir
}

var nameOperator = trace.NameIn(trace.CategoryOperator, "example::scale")

// TestCompare: a recording is found to be right, and each way in which it is wrong is told.
func TestCompare(t *testing.T) {
	for name, c := range map[string]struct {
		change func(launch, kernel *trace.Work) bool
		says   string
	}{
		"right":               {func(_, _ *trace.Work) bool { return true }, ""},
		"a kernel less":       {func(_, _ *trace.Work) bool { return false }, "39 kernels were recorded, 40 were launched"},
		"without a launch":    {func(_, k *trace.Work) bool { k.Correlation = 99; return true }, "no launch"},
		"without a span":      {func(_, k *trace.Work) bool { k.External = trace.SpanID{}; return true }, "no operator"},
		"a copy in its place": {func(_, k *trace.Work) bool { k.Kind = trace.WorkCopy; return true }, "39 kernels"},
	} {
		t.Run(name, func(t *testing.T) {
			var got tried
			err := got.compare(made(t, c.change))
			if c.says == "" && (err != nil || got.kernels != 40 || got.launches != 40 || got.work != 80) {
				t.Errorf("%+v: %v", got, err)
			}
			if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}

// TestCheck: times that cannot be.
func TestCheck(t *testing.T) {
	const ms = 1_000_000
	for name, c := range map[string]struct {
		launch, second during
		says           string
	}{
		"right":                     {during{30 * ms, 31 * ms}, during{32 * ms, 33 * ms}, ""},
		"after its operator":        {during{95 * ms, 96 * ms}, during{97 * ms, 98 * ms}, "not within its operator"},
		"before its launch":         {during{30 * ms, 31 * ms}, during{29 * ms, 33 * ms}, "before its launch"},
		"before the last one's end": {during{12 * ms, 13 * ms}, during{19 * ms, 33 * ms}, "before the end"},
	} {
		r := recorded{operators: map[spanKey]during{{}: {10 * ms, 90 * ms}}, calls: map[uint64]during{1: {11 * ms, 12 * ms}, 2: c.launch},
			kernels: []kernel{{during: c.second, correlation: 2}, {during: during{15 * ms, 20 * ms}, correlation: 1}}}
		err := r.check()
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}
