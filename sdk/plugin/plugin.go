// Package plugin turns a model or a profiler into a plugin process. It is all that a plugin's main needs:
//
//	func main() { plugin.ServeProfiler(&steps{}, profiler.Description{Name: "steps", Version: "0.1.0"}) }
//
// Standard output belongs to the handshake: log with [Logger] or log/slog's default, which arrive at the host with level
// and attributes, or write lines to standard error. A panic in a method that the host called is an error of that call;
// a panic in another goroutine ends the process, which the host sees and names.
package plugin

import (
	"context"
	"log/slog"
	"os"
	"sync"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/diag"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/profiler"
)

// Prober is an optional companion of a [model.Model] or a [profiler.Profiler]. Probe is called after the values were
// stored and says what stands in the way of working here and now: a collector that cannot be reached, a device that is
// not there. The host shows the findings; they never keep a server from starting. ctx bounds it, 10 s.
// It is called any number of times, also before Load or Open, changes nothing, and needs to be quick.
type Prober interface {
	Probe(ctx context.Context) diag.List
}

// ServeModel serves m until the host ends the process, then returns. It takes over log/slog's default logger. Run by
// hand it says how the plugin is used and exits with status 1.
func ServeModel(m model.Model) {
	serve(wire.NewModelService(m, setUp()))
}

// ServeProfiler serves p until the host ends the process, then returns. It takes over log/slog's default logger. Run
// by hand it says how the plugin is used and exits with status 1.
func ServeProfiler(p profiler.Profiler, d profiler.Description) {
	serve(wire.NewProfilerService(p, d, setUp()))
}

// Logger logs to the host. It may be used before Serve and from any goroutine.
func Logger() *slog.Logger { return logger() }

// stderr is the process's own: while serving, os.Stderr is a pipe to the host by another way.
var stderr = os.Stderr

var logger = sync.OnceValue(func() *slog.Logger { return wire.NewLogger(stderr) })

func setUp() *slog.Logger {
	slog.SetDefault(logger())
	return logger()
}

func serve(s wire.Service) {
	if status := wire.Run(s, logger(), stderr); status != 0 {
		os.Exit(status)
	}
}
