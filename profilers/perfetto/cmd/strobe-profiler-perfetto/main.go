// Command strobe-profiler-perfetto is the profiler plugin perfetto as a program of its own, for a host that declares it as an
// external plugin.
package main

import (
	"github.com/strobe-dev/strobe/profilers/perfetto"
	"github.com/strobe-dev/strobe/sdk/plugin"
)

func main() {
	p := perfetto.New()
	plugin.ServeProfiler(p, p.Describe())
}
