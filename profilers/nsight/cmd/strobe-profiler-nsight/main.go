// Command strobe-profiler-nsight is the profiler plugin nsight as a program of its own, for a host that declares it as an
// external plugin.
package main

import (
	"github.com/strobe-dev/strobe/profilers/nsight"
	"github.com/strobe-dev/strobe/sdk/plugin"
)

func main() {
	p := nsight.New()
	plugin.ServeProfiler(p, p.Describe())
}
