package trace

import (
	"errors"
	"time"
)

// Kind of a process that records.
type ProcessKind uint8

// Kinds of process. The numbers are part of the recording format.
const (
	ProcessCore     ProcessKind = 1 + iota // the server
	ProcessModel                           // a rank of a model's stage
	ProcessProfiler                        // a profiler that measures
)

// Process says who records. It is written into every segment's header.
type Process struct {
	Kind      ProcessKind
	Name      string // "core", or the plugin's name: "dit"
	Model     string // the served model: "emoji"; empty when there is none
	Stage     int    // index of the stage, 0 for core
	StageName string // "diffusion"
	Rank      int    // index within the stage
	Synthetic bool   // weights are made up; results show cost, not pictures
}

// Options of a new recorder. The zero value is usable.
type Options struct {
	// Logger-free by design: a recorder never logs. What went wrong is in Stats.

	// ClockPairs is how often a (ticks, monotonic, wall) triple is recorded; 200 ms when zero.
	ClockPairs time.Duration
}

// Start says where and how much to record.
type Start struct {
	Path     string // the segment file; made anew with mode 0600, an existing file is an error
	Process  Process
	MaxBytes int64 // the file's largest size in bytes; at least 1 MiB
	// Control is what is asked of the sources that measure devices.
	Control Control
	// Categories are those that are wanted; see [Track.If]. Who does not ask that is recorded all the same.
	Categories Categories
}

// Stats is what a recording holds, or held when it was stopped.
type Stats struct {
	Events uint64 // records written (a span is one event), name and clock records not counted
	Bytes  int64  // size of the segment file
	Lost   Losses
	// EventNs is what recording a span takes this process, measured at its first start, in nanoseconds; 0 when that is not
	// known. Most other events take less.
	EventNs float64
	// Notes are what sources have to tell whoever asked for the recording: why something is not in it. Of Stop's only.
	Notes []string
}

// Losses counts what was not recorded, by reason.
type Losses struct {
	Full      uint64 // events dropped because MaxBytes (or the disk) was reached
	NotReady  uint64 // events dropped because space was not reserved in time
	Names     uint64 // names cut or not interned
	Truncated uint64 // string arguments that were cut
	Depth     uint64 // spans not recorded because 255 were open on their track
	Device    uint64 // events of a device that its profiling library dropped, or that could not be kept
}

// Total is the number of events lost (cut names and strings are not events).
func (l Losses) Total() uint64 { return l.Full + l.NotReady + l.Depth + l.Device }

// Errors of Start and Stop, to be tested with errors.Is.
var (
	ErrRecording    = errors.New("already recording")
	ErrNotRecording = errors.New("not recording")
	ErrNoSharedMap  = errors.New("the file system does not support shared memory mappings")
)
