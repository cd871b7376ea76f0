package nsight

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

var started = time.Date(2026, 11, 23, 10, 3, 12, 0, time.UTC)

// gpu makes up a rank's recording: a request of operators that launch kernels, copies and sets, as sdk/cuda records them. No
// GPU was involved.
type gpu struct {
	recording.Process
	names       map[string]*recording.Name
	host, calls *recording.Track
	streams     [2]*recording.Track
	events      []recording.Event
	seq         uint64
	now         int64 // ns
	correlation uint64
}

func newGPU(rank int) *gpu {
	p := trace.Process{Kind: trace.ProcessModel, Name: "dit", StageName: "diffusion", Rank: rank, Synthetic: true}
	g := &gpu{Process: recording.Process{Process: p, PID: 25373 + rank}, names: map[string]*recording.Name{}, now: 1000, correlation: 100}
	g.host = &recording.Track{Process: &g.Process, ID: 1, Name: "worker"}
	g.calls = &recording.Track{Process: &g.Process, ID: 2, Name: "CUDA calls of thread 4711", Calls: true, ThreadID: 4711}
	for i, stream := range []uint32{7, 20} {
		g.streams[i] = &recording.Track{Process: &g.Process, ID: uint32(3 + i), Name: "GPU 0", Device: true, ContextID: 1, StreamID: stream}
	}
	g.Facts = []recording.Fact{
		{Name: g.name("cuda device"), Args: []recording.Arg{g.text("name", "Stand-in GPU"), g.num("multiprocessors", 132), g.num("compute major", 9), g.num("warp size", 32),
			g.num("max threads per multiprocessor", 2048), g.num("clock rate kHz", 1_980_000), g.num("integrated", 0)}},
		{Name: g.name("cuda context"), ID: 1, Args: []recording.Arg{g.num("device", 0), g.num("null stream", 7)}},
		{Name: g.name("cuda stream"), ID: 1<<32 | 20, Args: []recording.Arg{g.num("priority", -1), g.num("flag", 2)}},
	}
	return g
}

func (g *gpu) name(text string) *recording.Name {
	if g.names[text] == nil {
		g.names[text] = &recording.Name{Text: text}
	}
	return g.names[text]
}

func (g *gpu) num(key string, v int64) recording.Arg {
	return recording.Arg{Key: g.name(key), Type: trace.TypeInt, Int: v}
}

func (g *gpu) text(key, v string) recording.Arg {
	return recording.Arg{Key: g.name(key), Type: trace.TypeString, Text: v}
}

func (g *gpu) shape(key, v string) recording.Arg {
	return recording.Arg{Key: g.name(key), Type: trace.TypeShapes, Text: v}
}

func (g *gpu) add(t *recording.Track, text string, start, end int64, w recording.Work, args ...recording.Arg) {
	g.events = append(g.events, recording.Event{
		Kind: recording.Span, Track: t, Name: g.name(text), Start: started.UnixNano() + start, End: started.UnixNano() + end, Request: "img-1", Work: w, Args: args,
	})
}

// launch is a call and the work that it causes, 100 ns after it.
func (g *gpu) launch(call string, stream int, dur int64, kind trace.WorkKind, work string, args ...recording.Arg) {
	g.correlation++
	span := g.seq + 1 // of the operator that is ended next
	g.add(g.calls, call, g.now, g.now+40, recording.Work{Kind: trace.WorkRuntimeCall, Correlation: g.correlation, Track: g.host, External: span}, g.num("cbid", 211))
	if dur > 0 {
		g.add(g.streams[stream], work, g.now+140, g.now+140+dur, recording.Work{Kind: kind, Correlation: g.correlation, Track: g.host, External: span}, args...)
	}
	g.now += 200 + dur
}

// step is a denoise step with an operator that copies, one that launches two kernels, a set and a wait.
func (g *gpu) step() {
	begin := g.now
	g.now += 10
	op := g.now
	g.now += 10
	g.launch("cudaMemcpyAsync_v3020", 1, 300, trace.WorkCopy, "Memcpy HtoD (Pinned -> Device)", g.num("bytes", 4096), g.num("copy kind", 1), g.num("source memory kind", 2), g.num("destination memory kind", 3))
	g.launch("cudaLaunchKernel_v7000", 0, 500, trace.WorkKernel, "_Z6linearIfLi64EEvPT_i", g.shape("grid", "[[70,2,1]]"), g.shape("block", "[[256,1,1]]"),
		g.num("registers per thread", 64), g.num("static shared memory", 4096), g.num("grid id", 5))
	g.launch("cudaLaunchKernel_v7000", 0, 700, trace.WorkKernel, "gelu", g.shape("grid", "[[70,1,1]]"), g.shape("block", "[[128,1,1]]"), g.num("registers per thread", 32), g.num("launch type", 1))
	g.launch("cudaMemsetAsync_v3020", 0, 100, trace.WorkSet, "Memset (Device)", g.num("bytes", 512), g.num("value", 0), g.num("memory kind", 3))
	g.seq++
	g.add(g.host, "dit::linear", op, g.now, recording.Work{}, g.shape("Input Dims", "[[2,70,192],[192,576]]"))
	g.launch("cudaStreamSynchronize_v3020", 0, 60, trace.WorkSync, "Stream Sync", g.num("sync type", 3))
	g.add(g.calls, "Buffer Flush", g.now, g.now+5, recording.Work{Kind: trace.WorkOverhead}, g.num("overhead kind", 1<<16))
	g.now += 10
	g.seq++
	g.add(g.host, "denoise_step", begin, g.now, recording.Work{}, g.num("step", int64(g.seq)))
}

func (g *gpu) batch() *recording.Batch {
	return &recording.Batch{Process: &g.Process, Events: g.events}
}

// export writes the batches' file.
func export(t testing.TB, p profiler.Profile, batches ...*recording.Batch) (path string, a profiler.Artifact) {
	t.Helper()
	s, err := New().Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	sum := profiler.Summary{Stopped: started.Add(time.Second)}
	for _, b := range batches {
		if err := s.Consume(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		sum.Processes = append(sum.Processes, recording.Summary{Process: b.Process, Events: uint64(len(b.Events))})
	}
	list, err := s.Finish(t.Context(), sum)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	return filepath.Join(p.Dir, list[0].Name), list[0]
}

func profileIn(dir string) profiler.Profile {
	return profiler.Profile{ID: "20261123-100312-a1b2c3", Dir: dir, Model: "emoji", Started: started, Host: "box"}
}

func open(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&immutable=1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
