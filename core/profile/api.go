package profile

import (
	"context"
	"log/slog"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Recorder is a process that records: core or a rank. One that also has Err() error is asked first whether it is up.
type Recorder interface {
	Label() string     // names the segment: "core", "stage_0_diffusion_rank0"
	Stage() int        // the stage's index, 0 for core
	StageName() string // empty for core
	Rank() int
	PID() int
	// StartRecording makes the segment and records into it from when it returns. ctx bounds it. Notes are for the caller of the
	// profile: what is not recorded, and why, as far as it is known by now. StopRecording's have them again.
	StartRecording(ctx context.Context, s trace.Start) (notes []string, err error)
	// StopRecording completes the segment: when it has returned, the file does not change any more.
	StopRecording(ctx context.Context) (trace.Stats, error)
}

// Exporter is a profiler. Per profile it is called in this order: Open, then Finish, or Abort at any time instead.
type Exporter interface {
	Name() string
	// Open gets the profiler ready to follow the recording. ctx bounds it, not the export.
	Open(ctx context.Context, r wire.OpenRequest) error
	// Finish exports the rest of a recording that has ended.
	Finish(ctx context.Context, r wire.FinishRequest) (wire.FinishReply, error)
	// Abort drops the export and what it wrote. It is safe when nothing is open.
	Abort(ctx context.Context) error
}

// Options of a manager. Those that are durations or sizes have defaults.
type Options struct {
	Dir         string        // where profiles are kept; made with mode 0700 when missing
	MaxDuration time.Duration // a profile ends by itself after this; 10 minutes when zero
	// MaxBytes bounds one profile: half of it is split between the recording processes, the other half between
	// the profilers; 1 GiB when zero.
	MaxBytes int64
	Keep     int // finished profiles kept, the oldest beyond go; 0: all
	// MaxTotalBytes bounds what all profiles but the active one take together; the oldest go; 0: no bound.
	MaxTotalBytes int64
	// MaxAge is how long a profile is kept after its end; 0: no bound.
	MaxAge time.Duration
	// MinFreeBytes is what stays free on the file system of Dir: below it old profiles go, then no profile starts, and the
	// active one ends; 0: nobody looks.
	MinFreeBytes int64
	// FreeBytes tells what is free there; the system's own answer when nil.
	FreeBytes func(dir string) (int64, error)
	Model     string   // the served model's name
	Core      Recorder // stopped last, so that its clock covers the others; may be nil
	Ranks     []Recorder
	// Exporter finds a profiler by name; an error says that there is none. It does not wait for a process to start.
	Exporter func(name string) (Exporter, error)
	// Offline finds a profiler for a recording that has ended, which exports beside the one that follows a profile; nil:
	// Exporter. What it gives is closed after its export if it has Close(context.Context) error.
	Offline   func(name string) (Exporter, error)
	Profilers []string // used when a start names none; empty: profiling is off unless a start names some
	Log       *slog.Logger
	// ShowDir puts the profile's directory into views. A path is for callers on this machine only.
	ShowDir bool

	// Control is what profiles ask of ranks that can measure devices.
	Control trace.Control
	// RecordPrompts lets a profile record prompts whose caller asks for it.
	RecordPrompts bool

	// Flight turns the flight recorder on in core and the ranks that are a FlightRecorder; nil: it is off.
	Flight *Flight

	StartTimeout  time.Duration // for each StartRecording and Open; 10 s when zero
	StopTimeout   time.Duration // for each StopRecording and Abort; 10 s when zero
	ExportTimeout time.Duration // for each Finish; 10 minutes when zero
}

func (o Options) withDefaults() Options {
	defaultTo(&o.MaxDuration, 10*time.Minute)
	defaultTo(&o.MaxBytes, 1<<30)
	defaultTo(&o.StartTimeout, 10*time.Second)
	defaultTo(&o.StopTimeout, 10*time.Second)
	defaultTo(&o.ExportTimeout, 10*time.Minute)
	if o.FreeBytes == nil {
		o.FreeBytes = freeBytes
	}
	if o.Offline == nil {
		o.Offline = o.Exporter
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func defaultTo[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// StartRequest says what to profile. The zero value profiles everything until it is stopped.
type StartRequest struct {
	Profilers []string // names; empty: Options.Profilers
	Label     string   // free text of the caller, at most 200 characters
	Model     string   // the model's name; empty, and "default": the one that is served
	Stages    []int    // record only these stages' ranks, and core; empty: all
	Ranks     []int    // record only these ranks of each stage, and core; empty: all
	// Activities are what is recorded, as far as leaving the rest out is free, and exported; empty: everything but pprof.
	Activities []Activity
	// OnlyRequests are the ids of the requests that the profile is about: nothing of others is exported; empty: all.
	OnlyRequests []string
	// Trigger makes it a profile of one request, TriggerRequest or TriggerSample; OnlyRequests names that request, whose end
	// [Manager.EndRequest] tells. Empty: any other profile.
	Trigger string
	// MinDuration leaves shorter spans out of what is exported; whole microseconds.
	MinDuration time.Duration
	// NumRequests ends the profile after so many requests were served; 0: not by requests.
	NumRequests int
	// NumSteps ends the profile after so many denoise steps have ended in the ranks that it records; 0: not by steps.
	NumSteps int
	// Duration ends the profile after this time of recording, at most Options.MaxDuration; 0: by MaxDuration only.
	Duration time.Duration
	// StartAfter has it begin to record so much later, at most Options.MaxDuration, and StartStep when so many denoise
	// steps have ended in the ranks that it records; with both, steps count when the time is over. Start returns at once.
	StartAfter time.Duration
	StartStep  int
	// MaxBytes bounds this profile, at most Options.MaxBytes; 0: Options.MaxBytes.
	MaxBytes int64
	// RecordPrompts has prompts recorded; it needs Options.RecordPrompts.
	RecordPrompts bool
}

// Attribute keys of this package's log lines.
const (
	logID       = "id"
	logState    = "state"
	logStage    = "stage"
	logRank     = "rank"
	logProcess  = "process"
	logProfiler = "profiler"
	logError    = "error"
)
