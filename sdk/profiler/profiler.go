// Package profiler is what a profiler plugin implements: events in, artifacts out.
//
// The life of one profile: [Profiler.Open] when it starts, [Sink.Consume] any number of times while it runs and
// once more when it has stopped, then [Sink.Finish] exactly once. If the profile is abandoned, ctx of the last call is
// cancelled and, when the sink implements [Aborter], Abort is called instead of Finish.
package profiler

import (
	"context"
	"log/slog"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Profiler is implemented by the author of a profiler plugin. It never changes within v1.
type Profiler interface {
	// Open starts one profile's output: any number of times in a process, after the configuration has been filled. Profiles do
	// not overlap: the sink before has finished, or was abandoned. It should be quick: start replies wait for it. ctx bounds it,
	// 10 s, and is not to be kept. p may be kept. After an error there is no sink, and the next Open may come.
	//
	// When the process was killed in the middle of a profile, another is started and gets Open and the whole recording:
	// unfinished files of the first may lie in Profile.Dir, under the names that they had, and are to be replaced.
	Open(ctx context.Context, p Profile) (Sink, error)
}

// Sink takes the events of one profile.
type Sink interface {
	// Consume gets events, any number of times, from one goroutine, which calls Finish and Abort, too. A span comes once: when
	// it has ended, or at the end, marked open. Per track by end; device tracks in no order.
	//
	// b and everything it points to belong to the host and are valid until Consume returns: copy what you keep. It may take its
	// time: events wait in the recording, nothing is lost and nobody who is served waits. ctx ends when the profile is abandoned
	// or whoever asked for Finish has no more patience; then return soon. After an error or a panic Consume is not called again,
	// Finish is.
	Consume(ctx context.Context, b *recording.Batch) error
	// Finish completes the artifacts: a file appears whole or not at all. It is called exactly once, after the last Consume, also
	// after one that failed; or not at all, when the profile is abandoned or the process killed. ctx bounds it: when it ends
	// return its error and leave no unfinished file.
	Finish(ctx context.Context, s Summary) ([]Artifact, error)
}

// Aborter is an optional companion of [Sink]. Abort removes what was written, as the profile is abandoned. It is called at most
// once and instead of Finish, never after it, by the goroutine that calls Consume. ctx bounds it, 5 s.
type Aborter interface {
	Abort(ctx context.Context) error
}

// ProfilerWithSource is an optional companion of [Profiler]: one that also measures. Between start and stop it records
// its own spans and counters into its own segment of the same recording, on the same clock, so that every profiler of the
// profile exports them.
type ProfilerWithSource interface {
	// Record measures until ctx ends. It is called once a profile, after Open of the same profile, in a goroutine of its own that
	// runs beside Consume's and never beside another Record, and not for a recording that is exported later. rec is on already,
	// is not to be kept, and is stopped when Record has returned, or two seconds after ctx has ended. When nothing here can be
	// measured, return nil at once. An error, or a panic, is a warning of the profile: what was recorded before stays, and the
	// export goes on.
	Record(ctx context.Context, rec *trace.Recorder) error
}

// Description says what a profiler plugin is. It is given to sdk/plugin.ServeProfiler.
type Description struct {
	Name    string
	Version string
	Summary string
	// Config is a pointer to a struct with `strobe:"name"` tags (see sdk/schema), or nil.
	// The host's values are stored there before the first Open.
	Config any
}

// Profile is what is known when a profile starts.
type Profile struct {
	ID      string
	Dir     string // an existing folder for the artifacts
	Model   string
	Label   string
	Started time.Time
	// MaxBytes bounds the sum of this profiler's artifacts; 0: no bound. At the bound drop the newest and count them in Artifact.Dropped.
	MaxBytes int64
	Host     string
	// Processes are those that are recorded: core and the ranks, as they are at the start. Kind, Name, Stage, StageName,
	// Rank and PID are known of each; Name may be empty. None are known of a recording that is exported later.
	Processes []recording.Process
	// Filter is what the caller wants of the recording. It is applied before Consume: a sink may say so in its output, and
	// need not do more.
	Filter recording.Filter
	// Previous is a folder with what this profiler made of the recording before, which its artifacts will replace: it may be
	// read. Empty when it made nothing, or nobody knows where that is.
	Previous string
	Log      *slog.Logger
}

// Summary is what is known when the recording has ended.
type Summary struct {
	Stopped   time.Time
	Processes []recording.Summary
}

// Artifact is a file that the profiler made.
type Artifact struct {
	Name      string // relative to Profile.Dir, with slashes
	MediaType string // "application/gzip"
	Bytes     int64
	SHA256    string // lower-case hex; may be empty, then the host computes it
	// Stage and Rank of the process that the file is about; nil when it is about several.
	Stage, Rank *int
	StageName   string
	Events      uint64 // events in the file; 0 when unknown
	Dropped     uint64 // events left out because of MaxBytes
	Description string // what reads the file, where its name does not tell: a sentence for whoever gets the reply; may be empty
}
