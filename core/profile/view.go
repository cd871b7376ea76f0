package profile

import (
	"maps"
	"slices"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// State of a profile, in the order in which they come.
type State string

// States. Complete, failed and recovered are final.
const (
	StateStarting  State = "starting"
	StateRecording State = "recording"
	StateStopping  State = "stopping"
	StateExporting State = "exporting"
	// StateComplete: every process stopped in order and every profiler exported.
	StateComplete State = "complete"
	// StateFailed: some process or profiler did not; what exists is listed all the same, and Error names each culprit.
	StateFailed State = "failed"
	// StateRecovered: the server that made the profile ended before it was finished; another exported what it had
	// recorded. Warnings say what happened.
	StateRecovered State = "recovered"
)

// Final reports whether the profile has ended.
func (s State) Final() bool { return s == StateComplete || s == StateFailed || s == StateRecovered }

func (s State) known() bool {
	switch s {
	case StateStarting, StateRecording, StateStopping, StateExporting, StateComplete, StateFailed, StateRecovered:
		return true
	}
	return false
}

// EndedBy says what ended a profile.
type EndedBy string

// What ends a profile.
const (
	EndedByStop        EndedBy = "stop"
	EndedByMaxDuration EndedBy = "max_duration"
	EndedByDuration    EndedBy = "duration"       // StartRequest.Duration
	EndedByNumSteps    EndedBy = "num_steps"      // StartRequest.NumSteps
	EndedByStart       EndedBy = "start"          // it could not begin to record when its wait was over
	EndedByNumRequests EndedBy = "num_requests"   // StartRequest.NumRequests
	EndedByRequest     EndedBy = "request"        // of a profile of one request: it ended
	EndedByMinFree     EndedBy = "min_free_bytes" // the disk was nearly full
	EndedBySnapshot    EndedBy = "snapshot"       // it was made of what had happened before
	EndedByShutdown    EndedBy = "shutdown"       // the server went down in order
	EndedByCrash       EndedBy = "crash"          // the server ended without finishing the profile
)

// View is a profile as callers see it, and its manifest. It is a copy: the caller's own.
type View struct {
	ID string `json:"id"`
	// Dir is the profile's directory on the server's machine, absolute; empty unless [Options].ShowDir, and in manifests.
	Dir       string     `json:"dir,omitempty"`
	State     State      `json:"state"`
	Model     string     `json:"model"`
	Label     string     `json:"label"`
	Profilers []string   `json:"profilers"`
	StartedAt time.Time  `json:"started_at"`
	StoppedAt *time.Time `json:"stopped_at"` // null until the recording has ended
	DurationS float64    `json:"duration_s"` // recorded so far, or in all
	Requests  int64      `json:"requests"`   // served while it recorded
	Steps     int64      `json:"steps"`      // denoise steps that ended in its ranks meanwhile
	Events    uint64     `json:"events"`     // of all processes
	Bytes     int64      `json:"bytes"`      // recording and artifacts on disk
	Processes []Process  `json:"processes"`
	Exports   []Export   `json:"exports"`
	Artifacts []Artifact `json:"artifacts"`
	// Traces are the artifacts' paths, relative to the profile's directory.
	Traces   []string `json:"traces"`
	Losses   Losses   `json:"losses"`
	Warnings []string `json:"warnings"`
	// Cost is what recording took of the processes' time, by their own measure; absent when none measured.
	Cost *recording.Cost `json:"cost,omitempty"`
	// Error names each process and profiler that failed; empty when none did.
	Error   string  `json:"error"`
	EndedBy EndedBy `json:"ended_by"`
	// Waiting is what the profile waits for before it records; absent when it does not.
	Waiting *Waiting `json:"waiting,omitempty"`
	// Options are what the profile was started with; absent when it was started with none.
	Options *Chosen `json:"options,omitempty"`
	// Filtered counts events that Options keep out of the artifacts. They are in the recording, and are no loss.
	Filtered uint64 `json:"filtered,omitempty"`
	// Trigger is the kind of trigger that made the profile: a snapshot's, whose label then says why, or that of a profile of
	// one request. Empty when a caller made it for all requests.
	Trigger string `json:"trigger"`
	// Pinned profiles are never removed by themselves.
	Pinned bool `json:"pinned"`
}

// Process is what one process recorded.
type Process struct {
	Process   string `json:"process"` // "core", "stage_0_diffusion_rank0", "profiler_hostmon"
	Stage     *int   `json:"stage"`   // null for core and profilers
	StageName string `json:"stage_name"`
	Rank      *int   `json:"rank"` // null for core and profilers
	PID       int    `json:"pid"`
	Events    uint64 `json:"events"`
	Bytes     int64  `json:"bytes"`
	Losses    Losses `json:"losses"`
	// OpenSpans had not ended when the recording did. They are in the artifacts, marked.
	OpenSpans uint64 `json:"open_spans"`
	// Ended is how the process's recording ended; empty until it has, and when nobody knows.
	Ended ProcessEnd `json:"ended"`
	// Cost is what recording took of the process's time, by its own measure; absent when it did not measure.
	Cost  *recording.Cost `json:"cost,omitempty"`
	Error string          `json:"error"`
}

// ProcessEnd is how a process's recording ended.
type ProcessEnd string

// Ends of a process's recording.
const (
	ProcessStopped ProcessEnd = "stopped" // in order
	ProcessDied    ProcessEnd = "died"    // the process ended while it recorded: what it had recorded is there
)

// ExportState is how far a profiler's export is.
type ExportState string

// States of an export.
const (
	ExportRunning  ExportState = "running"
	ExportComplete ExportState = "complete"
	ExportFailed   ExportState = "failed"
)

// Export is what became of one profiler's export.
type Export struct {
	Profiler string      `json:"profiler"`
	State    ExportState `json:"state"`
	Error    string      `json:"error"`
	Seconds  float64     `json:"seconds"` // from the end of the recording to the last artifact
}

// Artifact is a file that a profiler made.
type Artifact struct {
	Name      string `json:"name"`
	Profiler  string `json:"profiler"`
	Stage     *int   `json:"stage"` // null when the file is about several processes
	StageName string `json:"stage_name"`
	Rank      *int   `json:"rank"`
	Bytes     int64  `json:"bytes"`
	SHA256    string `json:"sha256"`
	MediaType string `json:"media_type"`
	Events    uint64 `json:"events"`  // in the file; 0 when the profiler did not say
	Dropped   uint64 `json:"dropped"` // left out of the file because of its bound
	URL       string `json:"url"`     // where the server serves it
	Path      string `json:"path"`    // relative to the profile's directory
	// Description says what reads the file; empty when its profiler did not say.
	Description string `json:"description,omitempty"`
}

// Losses counts events that were not recorded.
type Losses struct {
	Total uint64 `json:"total"` // events
	// ByReason counts by reason those that are not zero: full, not_ready, depth, device, corrupt, which are events; names and
	// truncated, which are texts that were cut; unknown, which are records of kinds that the reader is too old for.
	ByReason map[string]uint64 `json:"by_reason"`
}

func lossesOf(l trace.Losses) Losses {
	out := Losses{Total: l.Total(), ByReason: map[string]uint64{}}
	for reason, n := range map[string]uint64{
		"full": l.Full, "not_ready": l.NotReady, "depth": l.Depth, "device": l.Device, "names": l.Names, "truncated": l.Truncated,
	} {
		if n > 0 {
			out.ByReason[reason] = n
		}
	}
	return out
}

// lossesRead is what a reader found: what the writer counted, and what could not be read.
func lossesRead(l recording.Losses) Losses {
	out := lossesOf(l.Losses)
	if l.Corrupt > 0 {
		out.Total += l.Corrupt
		out.ByReason["corrupt"] = l.Corrupt
	}
	if l.Unknown > 0 {
		out.ByReason["unknown"] = l.Unknown
	}
	return out
}

func (l *Losses) add(o Losses) {
	if l.ByReason == nil {
		l.ByReason = map[string]uint64{}
	}
	l.Total += o.Total
	for reason, n := range o.ByReason {
		l.ByReason[reason] += n
	}
}

func (l Losses) clone() Losses {
	m := make(map[string]uint64, len(l.ByReason))
	maps.Copy(m, l.ByReason)
	return Losses{Total: l.Total, ByReason: m}
}

// clone is a deep copy in which no list is nil, so that JSON has [] and not null.
func (v View) clone() View {
	v.StoppedAt = clonePointer(v.StoppedAt)
	v.Profilers = append([]string{}, v.Profilers...)
	v.Exports = append([]Export{}, v.Exports...)
	v.Traces = append([]string{}, v.Traces...)
	v.Warnings = append([]string{}, v.Warnings...)
	v.Losses = v.Losses.clone()
	v.Cost = clonePointer(v.Cost)
	v.Options, v.Waiting = v.Options.clone(), clonePointer(v.Waiting)
	v.Processes = append([]Process{}, v.Processes...)
	for i := range v.Processes {
		p := &v.Processes[i]
		p.Stage, p.Rank, p.Losses = clonePointer(p.Stage), clonePointer(p.Rank), p.Losses.clone()
		p.Cost = clonePointer(p.Cost)
	}
	v.Artifacts = append([]Artifact{}, v.Artifacts...)
	for i := range v.Artifacts {
		a := &v.Artifacts[i]
		a.Stage, a.Rank = clonePointer(a.Stage), clonePointer(a.Rank)
	}
	return v
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// newestFirst sorts views by start, then id.
func newestFirst(views []View) {
	slices.SortFunc(views, func(a, b View) int {
		if c := b.StartedAt.Compare(a.StartedAt); c != 0 {
			return c
		}
		switch {
		case a.ID > b.ID:
			return -1
		case a.ID < b.ID:
			return 1
		}
		return 0
	})
}
