// Command strobe-profiler-hostmon is the profiler plugin hostmon as a program of its own, for a host that declares it as
// an external plugin.
package main

import (
	"github.com/strobe-dev/strobe/profilers/hostmon"
	"github.com/strobe-dev/strobe/sdk/plugin"
)

func main() {
	p := hostmon.New()
	plugin.ServeProfiler(p, p.Describe())
}
