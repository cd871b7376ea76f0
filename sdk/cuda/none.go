//go:build !linux || nocuda || !(amd64 || arm64)

package cuda

import "github.com/strobe-dev/strobe/sdk/trace"

// session, ranges and told are nothing in this build.
type (
	session struct{}
	ranges  struct{}
	told    struct{}
)

func startSession(*trace.Recorder, *Options) (*session, error) { return nil, ErrNotBuilt }
func (*session) stop() []string                                { return nil }
func openRanges() (*ranges, error)                             { return nil, nil }
func profilerStart() error                                     { return ErrNotBuilt }
func profilerStop() error                                      { return ErrNotBuilt }

func (*told) enter(*around, trace.SpanID, *trace.Track, trace.NameID) depth { return depth{} }
func (*told) leave(depth)                                                   {}
