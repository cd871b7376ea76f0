//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// near is how far the times of a call and of what it launched may seem to be off: conversions are better than this by
// orders of magnitude, but a reading of two clocks may be interrupted.
const near = int64(5 * time.Millisecond)

func TestRecords(t *testing.T) {
	for _, version := range []int64{19, 22, 26, 130000, 130100, 130400} {
		for _, threads := range []int64{0, 1} {
			t.Run(fmt.Sprintf("CUPTI %s, buffers per thread %d", versionText(uint32(version)), threads), func(t *testing.T) {
				s := stand(t)
				s.set(setVersion, version)
				s.set(setPerThread, threads)
				r, c := collect(t, Options{Mode: Required, Library: s.path})
				before := s.get(getLaunches)
				dir := start(t, r, trace.Start{})
				const operators, workers = 20, 3
				var wg sync.WaitGroup
				for i := range workers {
					p := &program{s, c, r.Track(fmt.Sprint("worker ", i)), operators}
					wg.Go(func() { p.run(fmt.Sprint("req-", i)) })
				}
				wg.Wait()
				s.more()
				st := stop(t, r)
				if len(st.Notes) != 0 || st.Lost != (trace.Losses{}) {
					t.Errorf("stopped with %+v", st)
				}
				if n := s.get(getEnabled) + s.get(getSubscribed) + s.get(getOutstanding); n != 0 {
					t.Errorf("after the stop %d activities, subscribers and buffers are left", n)
				}
				if n := s.get(getRegistered); n != 1 {
					t.Errorf("callbacks were registered %d times", n)
				}
				checkProgram(t, dir, workers*(2*operators+1), int(s.get(getLaunches)-before), version)
			})
		}
	}
}

func checkProgram(t *testing.T, dir string, want, launched int, version int64) {
	t.Helper()
	events, spans, sum := read(t, dir)
	kernels := ofKind(events, trace.WorkKernel)
	if len(kernels) != want || len(kernels) != launched || sum.Lost.Corrupt != 0 {
		t.Errorf("%d kernels of %d that were launched, %d wanted, losses %+v", len(kernels), launched, want, sum.Lost)
	}
	inSpans := 0
	for _, k := range kernels {
		if k.Work.Track == nil {
			continue
		}
		inSpans++
		op := spans[fmt.Sprint(k.Work.Track.ID, "/", k.Work.External)]
		if op.Name == nil || op.Name.Text != "dit::linear" || k.Start < op.Start-near || k.End > op.End+near {
			t.Fatalf("kernel %+v in %+v", k, op)
		}
		if want := "req-" + strings.TrimPrefix(k.Work.Track.Name, "worker "); k.Request != want || op.Request != want {
			t.Fatalf("kernel of request %q in one of %q, want %q", k.Request, op.Request, want)
		}
	}
	if want := launched - 3; inSpans != want { // each worker launches one outside
		t.Errorf("%d kernels in spans, want %d", inSpans, want)
	}
	checkKernel(t, kernels, version)
	checkMemory(t, events, version)
	checkCalls(t, events, launched)
	checkFacts(t, sum.Process.Fact("cuda", 0).Arg, sum.Process.Fact("cuda device", 0).Arg, version)
}

func checkKernel(t *testing.T, kernels []event, version int64) {
	t.Helper()
	for _, k := range kernels {
		if k.args["block"] != "[[256,1,1]]" {
			continue
		}
		args := maps.Clone(k.args)
		if args["grid id"] != fmt.Sprint(k.Work.Correlation) {
			t.Errorf("grid %s of launch %d", args["grid id"], k.Work.Correlation)
		}
		delete(args, "grid id")
		want := map[string]string{
			"grid": "[[70,2,1]]", "block": "[[256,1,1]]", "registers per thread": "24", "static shared memory": "512",
			"dynamic shared memory": "4096", "shared memory executed": "1024", "local memory per thread": "16",
			"local memory total": "4096", "cache config": "1",
		}
		if version >= priorityVersion {
			want["priority"] = "-1"
		}
		if d := cmp.Diff(want, args); d != "" {
			t.Errorf("kernel (-want +got):\n%s", d)
		}
		if tr := k.Track; k.Name.Text != "_Z6linearPfi" || tr.DeviceID != 0 || tr.ContextID != 1 || tr.StreamID != 13 || k.End-k.Start < 1400 || k.End-k.Start > 1600 {
			t.Errorf("kernel %q of %d ns on %+v", k.Name.Text, k.End-k.Start, tr)
		}
		return
	}
	t.Error("no kernel with blocks of 256")
}

func checkMemory(t *testing.T, events []event, version int64) {
	t.Helper()
	got := map[string]map[string]string{}
	for _, e := range append(ofKind(events, trace.WorkCopy), ofKind(events, trace.WorkSet)...) {
		got[e.Name.Text] = e.args
	}
	for _, e := range append(ofKind(events, trace.WorkSync), ofKind(events, trace.WorkOverhead)...) {
		got[fmt.Sprintf("%s %d/%d", e.Name.Text, e.Track.DeviceID, e.Track.StreamID)] = e.args
	}
	want := map[string]map[string]string{
		"Memcpy HtoD (Pageable -> Device)": {"bytes": "4096", "copy kind": "1", "source memory kind": "1", "destination memory kind": "3"},
		"Memcpy DtoH (Device -> Pinned)":   {"bytes": "4096", "copy kind": "2", "source memory kind": "3", "destination memory kind": "2"},
		"Memcpy PtoP (Device -> Device)": {"bytes": "64", "copy kind": "10", "source memory kind": "3", "destination memory kind": "3",
			"source device": "0", "source context": "1", "destination device": "1", "destination context": "2"},
		"Memset (Device)":          {"bytes": "4096", "value": "3", "memory kind": "3"},
		"Stream Sync 0/13":         {"sync type": "3"},
		"Event Sync -1/4294967295": {"sync type": "1", "event id": "5"},
		"Buffer Flush 0/0":         {"overhead kind": "65536"},
	}
	if version >= copyCountVersion {
		want["Memcpy HtoD (Pageable -> Device)"]["copy count"] = "3"
		want["Memcpy DtoH (Device -> Pinned)"]["copy count"] = "3"
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("memory (-want +got):\n%s", d)
	}
}

func checkCalls(t *testing.T, events []event, launched int) {
	t.Helper()
	names := map[string]int{}
	for _, e := range append(ofKind(events, trace.WorkDriverCall), ofKind(events, trace.WorkRuntimeCall)...) {
		names[e.Name.Text]++
		if !e.Track.Calls || e.Track.ThreadID == 0 {
			t.Fatalf("call %+v on %+v", e, e.Track)
		}
		if e.Name.Text == "cudaLaunchKernel_v7000" && (e.args["return value"] != "2" || e.args["cbid"] != "211" || e.Work.Correlation != 900001) {
			t.Errorf("call %+v %v", e.Work, e.args)
		}
	}
	want := map[string]int{"cuLaunchKernel": launched, "cuMemsetD8Async": 3, "cuMemcpyHtoDAsync_v2": 3, "cuMemcpyDtoHAsync_v2": 3,
		"cuStreamSynchronize": 3, "cudaLaunchKernel_v7000": 1, "cuda call 9999": 1}
	if d := cmp.Diff(want, names); d != "" {
		t.Errorf("calls (-want +got):\n%s", d)
	}
}

func checkFacts(t *testing.T, cuda, device func(string) (a recordingArg), version int64) {
	t.Helper()
	if cuda("state").Text != stateRecorded || cuda("cupti version").Text != versionText(uint32(version)) || cuda("driver version").Int == 0 {
		t.Errorf("cuda: %+v %+v", cuda("state"), cuda("cupti version"))
	}
	if device("name").Text != "Stand-in" || device("total memory").Int != 80<<30 || device("compute major").Int != 9 ||
		device("multiprocessors").Int != 132 || device("clock rate kHz").Type != 0 || device("uuid").Text != "00010203-0405-0607-0809-0a0b0c0d0e0f" {
		t.Errorf("device: %+v, %+v", device("name"), device("uuid"))
	}
}

// TestRecordsInAnyOrder has the device's records come before those of the calls, in the same buffers and long before.
func TestRecordsInAnyOrder(t *testing.T) {
	for _, what := range []int32{setLateAPI, setHoldKernels} {
		s := stand(t)
		s.set(what, 1)
		r, c := collect(t, Options{Mode: Required, Library: s.path})
		before := s.get(getLaunches)
		dir := start(t, r, trace.Start{})
		p := &program{s, c, r.Track("worker"), 15}
		p.run("req")
		stop(t, r)
		events, _, _ := read(t, dir)
		kernels, linked := ofKind(events, trace.WorkKernel), 0
		for _, k := range kernels {
			if k.Work.Track != nil && k.Request == "req" {
				linked++
			}
		}
		if n := int(s.get(getLaunches) - before); len(kernels) != n || linked != n-1 {
			t.Errorf("setting %d: %d kernels of %d, %d with their spans", what, len(kernels), n, linked)
		}
	}
}

// TestOddRecords: what is dropped, unknown or without a time is counted, and takes nothing else with it.
func TestOddRecords(t *testing.T) {
	for _, test := range []struct {
		name    string
		what    int32
		value   int64
		device  uint64
		note    string
		kernels int
	}{
		{"dropped", setDrop, 7, 7, "", -1},
		{"unknown", setUnknown, 1, 0, "does not know", 11},
		{"without times", setZeroTimes, 1, 11, "have no times", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := stand(t)
			r, c := collect(t, Options{Mode: Required, Library: s.path})
			dir := start(t, r, trace.Start{})
			s.set(test.what, test.value)
			(&program{s, c, r.Track("worker"), 5}).run("req")
			st := stop(t, r)
			if st.Lost.Device != test.device || (test.note == "") != (len(st.Notes) == 0) || !strings.Contains(strings.Join(st.Notes, " "), test.note) {
				t.Errorf("%+v", st)
			}
			events, _, sum := read(t, dir)
			if n := len(ofKind(events, trace.WorkKernel)); test.kernels >= 0 && n != test.kernels || sum.Lost.Device != test.device {
				t.Errorf("%d kernels, %+v", n, sum.Lost)
			}
		})
	}
}

// TestBuffersAreBounded: what does not fit is dropped by the library, and counted.
func TestBuffersAreBounded(t *testing.T) {
	s := stand(t)
	r, c := collect(t, Options{Mode: Required, Library: s.path, BufferBytes: bufferBytes})
	dir := start(t, r, trace.Start{})
	(&program{s, c, r.Track("worker"), 4000}).run("req")
	st := stop(t, r)
	_, _, sum := read(t, dir)
	if st.Lost.Device == 0 && sum.Events < 8000 || st.Events+st.Lost.Device < 8000*2 {
		t.Errorf("%+v", st)
	}
}

// TestStops: callbacks during a stop, and libraries that do not come back.
func TestStops(t *testing.T) {
	t.Run("callbacks while it stops", func(t *testing.T) {
		s := stand(t)
		s.set(setStopStorm, 1)
		for range 5 {
			r, c := collect(t, Options{Mode: Required, Library: s.path})
			dir := start(t, r, trace.Start{})
			(&program{s, c, r.Track("worker"), 5}).run("req")
			stop(t, r)
			if events, _, _ := read(t, dir); len(ofKind(events, trace.WorkKernel)) != 11 {
				t.Errorf("%d kernels", len(ofKind(events, trace.WorkKernel)))
			}
		}
	})
	for _, what := range []int32{setSyncMs, setFlushMs} {
		t.Run(fmt.Sprint("stuck, setting ", what), func(t *testing.T) {
			s := stand(t)
			r, _ := collect(t, Options{Mode: Required, Library: s.path, StopTimeout: 10 * time.Millisecond})
			dir := start(t, r, trace.Start{})
			s.set(what, 700)
			began := time.Now()
			st := stop(t, r)
			if d := time.Since(began); d > 500*time.Millisecond || len(st.Notes) == 0 || !strings.Contains(st.Notes[0], "still busy") {
				t.Errorf("stopped after %v with %q", d, st.Notes)
			}
			if err := r.Start(trace.Start{Path: dir + "/b.seg", MaxBytes: 1 << 20}); !errors.Is(err, ErrStuck) {
				t.Errorf("a start meanwhile: %v", err)
			}
			awaitFree(t)
			s.set(what, 0)
			r, _ = collect(t, Options{Mode: Required, Library: s.path})
			start(t, r, trace.Start{})
			if st := stop(t, r); len(st.Notes) != 0 {
				t.Errorf("the stop after: %q", st.Notes)
			}
		})
	}
}

// awaitFree waits until the library has come back.
func awaitFree(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		process.Lock()
		free := !process.busy && !process.stuck
		process.Unlock()
		if free {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the library did not come back")
		}
	}
}
