// Command strobe-profiler-otlp is the profiler plugin otlp as a program of its own, for a host that declares it as an
// external plugin.
package main

import (
	"github.com/strobe-dev/strobe/profilers/otlp"
	"github.com/strobe-dev/strobe/sdk/plugin"
)

func main() {
	p := otlp.New()
	plugin.ServeProfiler(p, p.Describe())
}
