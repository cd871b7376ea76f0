package trace_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

var (
	nameKernel = trace.NameIn(trace.CategoryDevice, "kernel")
	nameLaunch = trace.NameIn(trace.CategoryRuntime, "cudaLaunchKernel_v7000")
	nameDevice = trace.Name("cuda device")
)

// works are the device spans of a folder, with everything that was put into them.
func works(t *testing.T, dir string) (all []string, sums []recording.Summary) {
	t.Helper()
	sums, err := recording.Read(t.Context(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			if !e.Track.Device && !e.Track.Calls {
				continue
			}
			w := fmt.Sprintf("%s %d/%d/%d/%d %s work %d correlation %d request %q", e.Track.Name, e.Track.DeviceID, e.Track.ContextID,
				e.Track.StreamID, e.Track.ThreadID, e.Name.Text, e.Work.Kind, e.Work.Correlation, e.Request)
			if e.Work.Track != nil {
				w += fmt.Sprintf(" in %s %d", e.Work.Track.Name, e.Work.External)
			}
			for _, a := range e.Args {
				w += fmt.Sprintf(" %s=%d", a.Key.Text, a.Int)
			}
			all = append(all, w)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, sums
}

func TestWorkComesBack(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder()
	defer r.Close()
	stream, calls, worker := r.DeviceTrack("stream 7", 1, 2, 7), r.CallTrack("thread 4711", 4711), r.Track("worker")
	stream.Put(&trace.Work{Name: nameKernel}) // off: nothing
	r.Fact(nameDevice, 1)
	r.LoseDevice(5)
	var none *trace.WorkTrack
	none.Put(&trace.Work{})
	start(t, r, filepath.Join(dir, "a.seg"), mib)
	none.Put(&trace.Work{})
	span := worker.Begin(nameInner)
	id := span.ID()
	now := r.Now()
	calls.Put(&trace.Work{Name: nameLaunch, Kind: trace.WorkRuntimeCall, Begin: now, End: r.Now(), Correlation: 9, External: id, Request: "r-1"})
	span.End()
	if got := span.ID(); got != (trace.SpanID{}) {
		t.Errorf("a span that has ended is %v", got)
	}
	stream.Put(&trace.Work{
		Name: nameKernel, Kind: trace.WorkKernel, Begin: r.Now(), End: now, Correlation: 9, External: id, Request: "r-1",
		Args: []trace.Arg{trace.Int(keyN, -3)},
	})
	stream.Put(&trace.Work{Name: nameKernel, Kind: trace.WorkKernel, Begin: now, End: now + 1, Correlation: 1<<64 - 1})
	r.Fact(nameDevice, 0, trace.Int(keyN, 1))
	r.Fact(nameDevice, 0, trace.Int(keyN, 2), trace.String(keyEnd, "a card"))
	r.LoseDevice(3)
	st, err := r.Stop()
	if err != nil || st.Lost.Device != 3 || st.Lost.Total() != 3 || st.Events != 4 {
		t.Errorf("stop: %+v, %v", st, err)
	}
	got, sums := works(t, dir)
	want := []string{
		`stream 7 1/2/7/0 kernel work 1 correlation 9 request "r-1" in worker 1 n=-3`,
		`stream 7 1/2/7/0 kernel work 1 correlation 18446744073709551615 request ""`,
		`thread 4711 0/0/0/4711 cudaLaunchKernel_v7000 work 6 correlation 9 request "r-1" in worker 1`,
	}
	if d := cmp.Diff(want, sorted(got, want)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	p := sums[0].Process
	if f := p.Fact("cuda device", 0); len(p.Facts) != 1 || f.Arg("n").Int != 2 || f.Arg("end").Text != "a card" || f.Arg("none").Type != 0 {
		t.Errorf("facts: %+v", p.Facts)
	}
	if sums[0].Lost.Device != 3 || sums[0].Lost.Corrupt != 0 {
		t.Errorf("losses: %+v", sums[0].Lost)
	}
}

// TestWorkSurvivesSwaps puts work on some tracks while segments are swapped, and finds all of it, once.
func TestWorkSurvivesSwaps(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder()
	defer r.Close()
	start(t, r, filepath.Join(dir, "0.seg"), 64*mib)
	var stop atomic.Bool
	var wg sync.WaitGroup
	var put [3]uint64
	for i := range put {
		wg.Go(func() {
			d := r.DeviceTrack(fmt.Sprint("stream ", i), 0, 1, uint32(i))
			for n := uint64(1); !stop.Load() && n < 100_000; n++ {
				d.Put(&trace.Work{Name: nameKernel, Kind: trace.WorkKernel, Begin: r.Now(), End: r.Now(), Correlation: n, Args: []trace.Arg{trace.Int(keyN, int64(n))}})
				put[i] = n
			}
		})
	}
	swaps := 10
	if full() {
		swaps = 100
	}
	var lost trace.Losses
	for i := range swaps {
		time.Sleep(time.Millisecond)
		st, err := trace.Rotate(r, filepath.Join(dir, fmt.Sprint(i+1, ".seg")))
		if err != nil {
			t.Fatal(err)
		}
		lost.Full, lost.NotReady = lost.Full+st.Lost.Full, lost.NotReady+st.Lost.NotReady
	}
	stop.Store(true)
	wg.Wait()
	st, err := r.Stop()
	if err != nil {
		t.Fatal(err)
	}
	lost.Full, lost.NotReady = lost.Full+st.Lost.Full, lost.NotReady+st.Lost.NotReady
	var got uint64
	last := map[uint32]uint64{}
	sums, err := recording.Read(t.Context(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			got++
			if e.Work.Correlation <= last[e.Track.StreamID] || int64(e.Work.Correlation) != e.Args[0].Int {
				return fmt.Errorf("%+v after %d", e, last[e.Track.StreamID])
			}
			last[e.Track.StreamID] = e.Work.Correlation
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := put[0] + put[1] + put[2]; got+lost.Total() != want || sums[0].Lost.Corrupt != 0 {
		t.Errorf("%d of %d events, lost %+v, %+v", got, want, lost, sums[0].Lost)
	}
}

func BenchmarkWork(b *testing.B) {
	r := trace.New(trace.Options{})
	defer r.Close()
	start(b, r, filepath.Join(b.TempDir(), "a.seg"), 2<<30)
	d := r.DeviceTrack("stream 7", 0, 1, 7)
	args := make([]trace.Arg, 8)
	for i := range args {
		args[i] = trace.Int(keyN, int64(i))
	}
	w := trace.Work{Name: nameKernel, Kind: trace.WorkKernel, Begin: r.Now(), End: r.Now(), Args: args}
	for b.Loop() {
		w.Correlation++
		d.Put(&w)
	}
	b.ReportMetric(float64(r.Stats().Lost.Total()), "lost")
}
