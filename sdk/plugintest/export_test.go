package plugintest

import (
	"context"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/profiler"
)

// For tests of single checks.
var (
	IsHost   = isHost
	TestHost = testHost
)

// Fault is what a plugin that is not written with the SDK may do wrong.
type Fault = wire.Fault

// ForeignModel serves a model with a fault.
func ForeignModel(m model.Model, f Fault) Start {
	return func(context.Context) (*Plugin, error) {
		return faulty(f, wire.NewModelService(m, quiet), wire.KindModel, "foreign")
	}
}

// ForeignProfiler serves a profiler with a fault.
func ForeignProfiler(p profiler.Profiler, d profiler.Description, f Fault) Start {
	return func(context.Context) (*Plugin, error) {
		return faulty(f, wire.NewProfilerService(p, d, quiet), wire.KindProfiler, "foreign")
	}
}
