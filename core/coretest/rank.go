package coretest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Rank is a rank in memory: an engine.Rank and a profile.Recorder. Set its fields before it is used.
type Rank struct {
	StageIndex int
	Name       string // the stage's name
	Index      int    // the rank within the stage
	Process    int    // PID

	// Step is how long a denoise step takes; Steps how many there are when a request names none; 0: never any.
	Step  time.Duration
	Steps int

	// OnGenerate replaces what Generate does. OnStart and OnStop come before what StartRecording and StopRecording do;
	// an error is theirs.
	OnGenerate func(ctx context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error)
	OnStart    func(ctx context.Context, s trace.Start) error
	OnStop     func(ctx context.Context) error
	OnStarted  func() // after what StartRecording does, before its answer
	OnSnapshot func(s trace.Snapshot) error

	// NoCPU is why the rank makes no CPU profile, and FailCPU why it does not complete one.
	NoCPU, FailCPU error

	// Stats is what StopRecording answers, Notes what StartRecording has to say.
	Stats trace.Stats
	Notes []string

	served atomic.Int64

	mu        sync.Mutex
	down      error
	recording *trace.Start
	starts    []trace.Start
	flight    *trace.Flight
	cpu       string // where its CPU profile goes
}

// coreName is the name of the fake that stands for core's own recorder.
const coreName = "core"

// NewRank makes a rank that answers at once.
func NewRank(stage int, name string, index int) *Rank {
	return &Rank{StageIndex: stage, Name: name, Index: index, Process: 1000 + 10*stage + index, Steps: 4,
		Stats: trace.Stats{Events: 100, Bytes: 4096}}
}

// Label names the rank's segment.
func (r *Rank) Label() string {
	if r.Name == coreName {
		return coreName
	}
	return fmt.Sprintf("stage_%d_%s_rank%d", r.StageIndex, r.Name, r.Index)
}

// Stage is the stage's index.
func (r *Rank) Stage() int { return r.StageIndex }

// StageName is the stage's name.
func (r *Rank) StageName() string {
	if r.Name == coreName {
		return ""
	}
	return r.Name
}

// Rank is the index within the stage.
func (r *Rank) Rank() int { return r.Index }

// PID is a made-up process id.
func (r *Rank) PID() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Process
}

// Err is why the rank is down, or nil.
func (r *Rank) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.down
}

// SetDown takes the rank down with err, or up again with nil.
func (r *Rank) SetDown(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = err
}

// Mend takes the rank up and its hooks away, at any time.
func (r *Rank) Mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down, r.OnGenerate, r.OnStarted, r.OnStart, r.OnStop = nil, nil, nil, nil, nil
}

// Served is how many Generates have begun.
func (r *Rank) Served() int { return int(r.served.Load()) }

// Recording is what the rank records into, if it does.
func (r *Rank) Recording() (trace.Start, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recording == nil {
		return trace.Start{}, false
	}
	return *r.recording, true
}

// Starts are the recordings that were started, in order.
func (r *Rank) Starts() []trace.Start {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]trace.Start{}, r.starts...)
}

// Generate makes grey images, or resizes those that it gets, after Steps steps.
func (r *Rank) Generate(ctx context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error) {
	r.served.Add(1)
	r.mu.Lock()
	hook := r.OnGenerate
	r.mu.Unlock()
	if hook != nil {
		return hook(ctx, req, progress)
	}
	began := time.Now()
	steps := req.Steps
	if steps == 0 || r.Steps == 0 {
		steps = r.Steps
	}
	for step := range steps {
		if err := sleep(ctx, r.Step); err != nil {
			return nil, err
		}
		progress(model.Progress{Step: step + 1, Steps: steps})
	}
	size := req.Size
	if size == (model.Size{}) {
		size = model.Size{Width: 32, Height: 32}
	}
	res := &model.Result{Steps: steps, PeakMemoryBytes: 1 << 20, Durations: map[string]float64{"diffuse": time.Since(began).Seconds()}}
	for range req.Count {
		res.Images = append(res.Images, Image(size.Width, size.Height))
	}
	return res, nil
}

// Image is a grey image.
func Image(width, height int) model.Image {
	pixels := make([]byte, 3*width*height)
	for i := range pixels {
		pixels[i] = 0x80
	}
	return model.Image{Width: width, Height: height, Pixels: pixels}
}

// sleep waits d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// StartRecording makes the segment as an empty file.
func (r *Rank) StartRecording(ctx context.Context, s trace.Start) ([]string, error) {
	r.mu.Lock()
	hook, started := r.OnStart, r.OnStarted
	r.mu.Unlock()
	if started != nil {
		defer started()
	}
	if hook != nil {
		if err := hook(ctx, s); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recording != nil {
		return nil, trace.ErrRecording
	}
	f, err := os.OpenFile(s.Path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the segment: %w", err)
	}
	r.recording = &s
	r.starts = append(r.starts, s)
	return r.Notes, f.Close()
}

// StopRecording ends the recording.
func (r *Rank) StopRecording(ctx context.Context) (trace.Stats, error) {
	r.mu.Lock()
	hook := r.OnStop
	r.mu.Unlock()
	if hook != nil {
		if err := hook(ctx); err != nil {
			return trace.Stats{}, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recording == nil {
		return trace.Stats{}, trace.ErrNotRecording
	}
	r.recording = nil
	return r.Stats, nil
}

// ErrDied is a rank's or profiler's sudden end, for hooks.
var ErrDied = errors.New("the process ended: signal: killed")
