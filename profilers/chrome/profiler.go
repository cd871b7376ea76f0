package chrome

import (
	"context"
	"fmt"

	"github.com/klauspost/compress/flate"

	"github.com/strobe-dev/strobe/sdk/profiler"
)

// Config is the block of a profiler of this kind in plugins.hcl.
type Config struct {
	Compression string `strobe:"compression" doc:"fast: least time while serving; small: files about a quarter smaller for about twice the time" default:"fast" enum:"fast,small"`
}

// Profiler writes Chrome traces.
type Profiler struct {
	config Config
}

// New is a profiler with the default configuration.
func New() *Profiler { return &Profiler{config: Config{Compression: "fast"}} }

// Describe says what the profiler is, and where its configuration goes.
func (p *Profiler) Describe() profiler.Description {
	return profiler.Description{
		Name:    "chrome",
		Version: version(),
		Summary: "Chrome trace (Kineto JSON, gzipped) for Perfetto, chrome://tracing, TensorBoard, HolisticTraceAnalysis and speedscope",
		Config:  &p.config,
	}
}

// Open implements profiler.Profiler: the merged file is made, under a hidden name.
func (p *Profiler) Open(ctx context.Context, profile profiler.Profile) (profiler.Sink, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open a trace: %w", err)
	}
	s, err := newSink(profile, p.config.level())
	if err != nil {
		return nil, fmt.Errorf("open a trace: %w", err)
	}
	return s, nil
}

func (c Config) level() int {
	if c.Compression == "small" {
		return 6
	}
	return flate.BestSpeed
}

// version is that of Strobe.
func version() string { return profiler.ModuleVersion("github.com/strobe-dev/strobe") }
