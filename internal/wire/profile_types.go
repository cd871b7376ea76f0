package wire

import (
	"time"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/recording/summary"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// OpenRequest tells a profiler that a profile starts.
type OpenRequest struct {
	Profile profiler.Profile
	// RecordingDir is the folder where the segments appear, absolute.
	RecordingDir string
	// Since leaves out what was over before; the zero time leaves nothing out.
	Since time.Time
	// Source says where a profiler that measures records; nil: it does not measure.
	Source *Source
}

// Source is the segment of a profiler that measures.
type Source struct {
	Path     string // of the file to make, absolute
	MaxBytes int64  // its bound
	Name     string // of the process in the recording
}

// SourceReply says what a profiler measured.
type SourceReply struct {
	Stats trace.Stats
	// Problem says why the measuring ended early; empty: it did not. What was recorded before is there all the same.
	Problem string
}

// FinishRequest tells a profiler that the recording has ended: every segment is closed.
type FinishRequest struct {
	Stopped time.Time
	// Segments are the file names expected in RecordingDir.
	Segments []string
}

// FinishReply is what a profiler made of a recording.
type FinishReply struct {
	Artifacts []profiler.Artifact
	Processes []recording.Summary
	Table     summary.Table
	Warnings  []string // for the caller
}
