package plugintest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/strobe-dev/strobe/sdk/trace"
)

var (
	nameHTTP    = trace.NameIn(trace.CategoryRequest, "http")
	nameStage   = trace.NameIn(trace.CategoryStage, "pipeline_forward")
	nameStep    = trace.NameIn(trace.CategoryStep, "denoise_step")
	nameLinear  = trace.NameIn(trace.CategoryOperator, "test::linear")
	nameQueue   = trace.NameIn(trace.CategoryCounter, "queue")
	nameMemory  = trace.NameIn(trace.CategoryMemory, "[memory]")
	keyStep     = trace.Name("step")
	keyTime     = trace.Name("t")
	keyLast     = trace.Name("last")
	keyModule   = trace.Name("module")
	keyShapes   = trace.Name("Input Dims")
	keyNote     = trace.Name("note")
	keyBytes    = trace.Name("Bytes")
	textModule  = trace.Name("blocks.0.attn.qkv")
	textShapes  = trace.Name("[[2,70,192],[192,576]]")
	longestName = trace.Name(string(make([]byte, 4096)))
)

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
}

// Record begins a recording in dir, which must exist.
func Record(dir string) (*Recording, error) {
	r := &Recording{Dir: dir, Segments: []string{"core.seg", "stage_0_diffusion_rank0.seg"}, core: trace.New(trace.Options{}), rank: trace.New(trace.Options{})}
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
	http := r.lane.Begin(nameHTTP)
	r.lane.Count(nameQueue, 1)
	r.lane.FlowOut(r.flow)
	stage := r.worker.Begin(nameStage)
	r.worker.FlowIn(r.flow)
	for i := range steps {
		step := r.worker.BeginArgs(nameStep, trace.Int(keyStep, int64(i)), trace.Float(keyTime, 0.5), trace.Bool(keyLast, i == steps-1))
		operator := r.worker.BeginArgs(nameLinear, trace.Text(keyModule, textModule), trace.Shapes(keyShapes, textShapes))
		r.worker.Instant(nameMemory, trace.Int(keyBytes, 64))
		operator.EndArgs(trace.String(keyNote, "a \"note\"\n\x01 of step \u2713"))
		step.End()
	}
	stage.End()
	r.lane.CountFloat(nameQueue, 0.5)
	http.End()
}

// LeaveOpen records a span that never ends and one with a giant name.
func (r *Recording) LeaveOpen() {
	r.worker.Begin(longestName).End()
	r.worker.Begin(nameStage)
}

// Stop ends the recording, the rank first as a server does, and returns how many events it holds.
func (r *Recording) Stop() (events uint64, err error) {
	r.lane.Release()
	rank, err1 := r.rank.Stop()
	core, err2 := r.core.Stop()
	return rank.Events + core.Events, errors.Join(err1, err2, r.rank.Close(), r.core.Close())
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
