package otlp

import (
	"context"
	"fmt"

	"github.com/strobe-dev/strobe/sdk/profiler"
)

// Profiler sends profiles to an OpenTelemetry backend.
type Profiler struct {
	config Config
}

// New is a profiler with the default configuration.
func New() *Profiler { return &Profiler{config: defaults()} }

// Describe says what the profiler is, and where its configuration goes.
func (p *Profiler) Describe() profiler.Description {
	return profiler.Description{
		Name:    "otlp",
		Version: version(),
		Summary: "Distributed traces over OTLP/gRPC, live, for Jaeger, Tempo, the OpenTelemetry Collector and every other backend that takes OTLP",
		Config:  &p.config,
	}
}

// Open implements profiler.Profiler. A backend that cannot be reached is no error: the profile waits for it.
func (p *Profiler) Open(ctx context.Context, profile profiler.Profile) (profiler.Sink, error) {
	s, err := newSink(ctx, p.config, profile)
	if err != nil {
		return nil, fmt.Errorf("open an OTLP export: %w", err)
	}
	return s, nil
}

// version is that of Strobe.
func version() string { return profiler.ModuleVersion("github.com/strobe-dev/strobe") }
