package wire

import (
	"time"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/recording/summary"
)

// OpenRequest tells a profiler that a profile starts.
type OpenRequest struct {
	Profile profiler.Profile
	// RecordingDir is the folder where the segments appear, absolute.
	RecordingDir string
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
