package plugintest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// words are the names in a recording. They are interned when the first one is made: a program that only imports this package
// must not have them in its own recordings.
type words struct {
	http, stage, step, linear, queue, memory                           trace.NameID
	keyStep, keyTime, keyLast, keyModule, keyShapes, keyNote, keyBytes trace.NameID
	module, shapes, longest, control, kernel, launch, about            trace.NameID
}

var names = sync.OnceValue(func() words {
	return words{
		http:      trace.NameIn(trace.CategoryRequest, "http"),
		stage:     trace.NameIn(trace.CategoryStage, "pipeline_forward"),
		step:      trace.NameIn(trace.CategoryStep, "denoise_step"),
		linear:    trace.NameIn(trace.CategoryOperator, "test::linear"),
		queue:     trace.NameIn(trace.CategoryCounter, "queue"),
		memory:    trace.NameIn(trace.CategoryMemory, "[memory]"),
		keyStep:   trace.Name("step"),
		keyTime:   trace.Name("t"),
		keyLast:   trace.Name("last"),
		keyModule: trace.Name("module"),
		keyShapes: trace.Name("Input Dims"),
		keyNote:   trace.Name("note"),
		keyBytes:  trace.Name("Bytes"),
		module:    trace.Name("blocks.0.attn.qkv"),
		shapes:    trace.Name("[[2,70,192],[192,576]]"),
		longest:   trace.Name(string(make([]byte, 4096))),
		control:   trace.Name("a \"name\"\n\twith <everything>, \xff and \u2028"),
		kernel:    trace.NameIn(trace.CategoryDevice, "void gemm<float, 128>(float const*)"),
		launch:    trace.NameIn(trace.CategoryRuntime, "cudaLaunchKernel"),
		about:     trace.Name("gpu"),
	}
})

// recordBytes bounds each segment of a [Recording].
const recordBytes = 256 << 20

// Recording is one that is being written: core and one rank.
type Recording struct {
	Dir      string
	Segments []string // the files in it
	core     *trace.Recorder
	rank     *trace.Recorder
	lane     *trace.Track
	worker   *trace.Track
	flow     uint64
	words    words
}

// Record begins a recording in dir, which must exist.
func Record(dir string) (*Recording, error) {
	r := &Recording{Dir: dir, words: names(), Segments: []string{"core.seg", "stage_0_diffusion_rank0.seg"}, core: trace.New(trace.Options{}), rank: trace.New(trace.Options{})}
	err := r.core.Start(trace.Start{Path: filepath.Join(dir, r.Segments[0]), MaxBytes: recordBytes,
		Process: trace.Process{Kind: trace.ProcessCore, Name: "core", Model: "test"}})
	if err == nil {
		err = r.rank.Start(trace.Start{Path: filepath.Join(dir, r.Segments[1]), MaxBytes: recordBytes,
			Process: trace.Process{Kind: trace.ProcessModel, Name: "test", Model: "test", StageName: "diffusion"}})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("record: %w", err), r.core.Close(), r.rank.Close())
	}
	r.lane, r.worker = r.core.Lane("request"), r.rank.Track("worker")
	return r, nil
}

// Request records one request of as many steps: spans within spans, instants, counters, an arrow from core to the rank
// and every type of argument.
func (r *Recording) Request(id string, steps int) {
	r.flow++
	r.lane.SetRequest(id)
	r.worker.SetRequest(id)
	http := r.lane.Begin(r.words.http)
	r.lane.Count(r.words.queue, 1)
	r.lane.FlowOut(r.flow)
	stage := r.worker.Begin(r.words.stage)
	r.worker.FlowIn(r.flow)
	for i := range steps {
		step := r.worker.BeginArgs(r.words.step, trace.Int(r.words.keyStep, int64(i)), trace.Float(r.words.keyTime, 0.5), trace.Bool(r.words.keyLast, i == steps-1))
		operator := r.worker.BeginArgs(r.words.linear, trace.Text(r.words.keyModule, r.words.module), trace.Shapes(r.words.keyShapes, r.words.shapes))
		r.worker.Instant(r.words.memory, trace.Int(r.words.keyBytes, 64))
		operator.EndArgs(trace.String(r.words.keyNote, "a \"note\"\n\x01 of step \u2713"))
		step.End()
	}
	stage.End()
	r.lane.CountFloat(r.words.queue, 0.5)
	http.End()
}

// LeaveOpen records a span that never ends and one with a giant name.
func (r *Recording) LeaveOpen() {
	r.worker.Begin(r.words.longest).End()
	r.worker.Begin(r.words.stage)
}

// Stop ends the recording, the rank first as a server does, and returns how many events it holds.
func (r *Recording) Stop() (events uint64, err error) {
	r.lane.Release()
	rank, err1 := r.rank.Stop()
	core, err2 := r.core.Stop()
	return rank.Events + core.Events, errors.Join(err1, err2, r.rank.Close(), r.core.Close())
}

// requestsOf records n requests of 20 steps.
func requestsOf(n int) func(*Recording) {
	return func(r *Recording) {
		for i := range n {
			r.Request(fmt.Sprintf("req-%d", i), 20)
		}
	}
}

// record makes a whole recording of two processes.
func record(dir string, what func(r *Recording)) (segments []string, events uint64, err error) {
	r, err := Record(dir)
	if err != nil {
		return nil, 0, err
	}
	if what != nil {
		what(r)
	}
	events, err = r.Stop()
	return r.Segments, events, err
}

// folders makes a profile's folder and its recording's.
func folders() (dir, recordingDir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "plugintest")
	if err != nil {
		return "", "", nil, err
	}
	recordingDir = filepath.Join(dir, "recording")
	if err := os.Mkdir(recordingDir, 0o700); err != nil {
		return "", "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, recordingDir, func() { os.RemoveAll(dir) }, nil
}
