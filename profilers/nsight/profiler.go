package nsight

import (
	"context"
	"fmt"

	"github.com/strobe-dev/strobe/sdk/profiler"
)

// Profiler writes Nsight Systems SQLite files.
type Profiler struct{}

// New is a profiler. There is nothing to configure.
func New() *Profiler { return &Profiler{} }

// Describe says what the profiler is.
func (*Profiler) Describe() profiler.Description {
	return profiler.Description{
		Name: "nsight", Version: "1.0.0",
		Summary: "Nsight Systems SQLite export for `nsys stats` and SQL (the nsys GUI opens its own recordings only)",
	}
}

// Open implements profiler.Profiler: the file is made, under a hidden name.
func (*Profiler) Open(ctx context.Context, p profiler.Profile) (profiler.Sink, error) {
	s, err := newSink(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("open an Nsight file: %w", err)
	}
	return s, nil
}
