package otlp

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

var (
	nHTTP     = trace.NameIn(trace.CategoryRequest, "http")
	nQueue    = trace.NameIn(trace.CategoryRequest, "queue_wait")
	nDispatch = trace.NameIn(trace.CategoryRequest, "dispatch")
	nStage    = trace.NameIn(trace.CategoryStage, "pipeline_forward")
	nNote     = trace.Name("note") // finer than a step, around one
	nStep     = trace.NameIn(trace.CategoryStep, "denoise_step")
	nLinear   = trace.NameIn(trace.CategoryOperator, "dit::linear")
	nMemory   = trace.NameIn(trace.CategoryMemory, "[memory]")
	nWaiting  = trace.NameIn(trace.CategoryCounter, "waiting")
	nParent   = trace.NameIn(trace.CategoryRequest, "traceparent")

	kRoute  = trace.Name("route")
	kStatus = trace.Name("status")
	kSeed   = trace.Name("seed")
	kN      = trace.Name("n")
	kIndex  = trace.Name("step")
	kT      = trace.Name("t")
	kScale  = trace.Name("guidance")
	kFlops  = trace.Name("flops")
	kShapes = trace.Name("Input Dims")
	kLast   = trace.Name("last")
	kNote   = trace.Name("note")
	kParent = trace.Name("traceparent")
	kBytes  = trace.Name("Bytes")
	vRoute  = trace.Name("/v1/images/generations")
	vShapes = trace.Name("[[2,70,192],[192,576]]")
)

// fixture is a recording of core and one rank that is being written.
type fixture struct {
	dir        string
	core, rank *trace.Recorder
	worker     *trace.Track
	flow       uint64
	started    time.Time
}

func record(t testing.TB) *fixture { return recordBounded(t, 64<<20) }

func recordBounded(t testing.TB, maxBytes int64) *fixture {
	t.Helper()
	f := &fixture{dir: t.TempDir(), core: trace.New(trace.Options{}), rank: trace.New(trace.Options{}), started: time.Now()}
	for file, r := range map[string]struct {
		*trace.Recorder
		trace.Process
	}{
		"core.seg": {f.core, trace.Process{Kind: trace.ProcessCore, Name: "core", Model: "emoji"}},
		"rank.seg": {f.rank, trace.Process{Kind: trace.ProcessModel, Name: "dit", Model: "emoji", StageName: "diffusion"}},
	} {
		if err := r.Start(trace.Start{Path: filepath.Join(f.dir, file), MaxBytes: maxBytes, Process: r.Process}); err != nil {
			t.Fatal(err)
		}
	}
	f.worker = f.rank.Track("worker")
	t.Cleanup(func() { f.core.Close(); f.rank.Close() })
	return f
}

// asked is a request of a fixture.
type asked struct {
	id     string
	parent string // traceparent
	steps  int
	status int64
	n      int64
}

// request records a request of 4 + 3*steps spans, steps+1 instants beside a traceparent, and a counter.
func (f *fixture) request(a asked) {
	f.flow++
	lane := f.core.Lane("request")
	lane.SetRequest(a.id)
	http := lane.BeginArgs(nHTTP, trace.Text(kRoute, vRoute))
	if a.parent != "" {
		lane.Instant(nParent, trace.String(kParent, a.parent))
	}
	lane.Begin(nQueue).End()
	lane.Count(nWaiting, 1)
	dispatch := lane.Begin(nDispatch)
	lane.FlowOut(f.flow)
	f.worker.SetRequest(a.id)
	stage := f.worker.Begin(nStage)
	f.worker.FlowIn(f.flow)
	f.worker.Instant(nMemory, trace.Int(kBytes, 64))
	for i := range a.steps {
		note := f.worker.Begin(nNote)
		step := f.worker.BeginArgs(nStep, trace.Int(kIndex, int64(i)), trace.Float(kT, 0.5), trace.Float(kScale, 1.5))
		linear := f.worker.BeginArgs(nLinear, trace.Shapes(kShapes, vShapes), trace.Int(kFlops, 2e9))
		f.worker.Instant(nMemory, trace.Int(kBytes, 64))
		linear.EndArgs(trace.Bool(kLast, true), trace.String(kNote, "a \"note\" ✓"))
		step.End()
		note.End()
	}
	stage.End()
	f.worker.SetRequest("")
	dispatch.End()
	http.EndArgs(trace.Int(kStatus, a.status), trace.Int(kSeed, 7), trace.Int(kN, a.n))
	lane.Release()
}

func (f *fixture) stop(t testing.TB) {
	t.Helper()
	for _, r := range []*trace.Recorder{f.rank, f.core} {
		if _, err := r.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func (f *fixture) profile(t testing.TB, id string) profiler.Profile {
	return profiler.Profile{ID: id, Dir: t.TempDir(), Model: "emoji", Label: "a label", Started: f.started, Host: "box"}
}

// outcome is what an export gave.
type outcome struct {
	report   report
	warnings []string
	err      error
	took     time.Duration // Finish
}

// export sends a recording that has ended.
func (f *fixture) export(t testing.TB, c Config, p profiler.Profile) outcome {
	t.Helper()
	s, err := (&Profiler{config: c}).Open(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	s.(profiler.Stopper).Stopping(context.Background())
	processes, err := recording.Read(context.Background(), f.dir, func(b *recording.Batch) error { return s.Consume(context.Background(), b) })
	if err != nil {
		t.Fatal(err)
	}
	return finish(t, s, p, profiler.Summary{Stopped: time.Now(), Processes: processes})
}

func finish(t testing.TB, s profiler.Sink, p profiler.Profile, sum profiler.Summary) outcome {
	t.Helper()
	began := time.Now()
	artifacts, err := s.Finish(context.Background(), sum)
	o := outcome{err: err, warnings: s.(profiler.Warner).Warnings(), took: time.Since(began)}
	for _, a := range artifacts {
		text, err := os.ReadFile(filepath.Join(p.Dir, a.Name))
		if err == nil {
			err = json.Unmarshal(text, &o.report)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if r := o.report.Spans; r.Recorded != r.Sent+r.SentBefore+r.LeftOut+r.Rejected+r.TooLarge+r.Undelivered {
		t.Errorf("spans do not add up: %+v", r)
	}
	return o
}

// to is a configuration that sends everything to a receiver.
func to(address string) Config {
	c := defaults()
	insecure := true
	c.Endpoint, c.Insecure, c.Detail, c.Patience = address, &insecure, "device", 5*time.Second
	return c
}

func requests(f *fixture, n, steps int) {
	for i := range n {
		f.request(asked{id: fmt.Sprintf("req-%d", i), steps: steps, status: 200, n: 1})
	}
}
