// Command strobe-profiler-chrome is the profiler plugin chrome as a program of its own, for a host that declares it as an
// external plugin.
package main

import (
	"github.com/strobe-dev/strobe/profilers/chrome"
	"github.com/strobe-dev/strobe/sdk/plugin"
)

func main() {
	p := chrome.New()
	plugin.ServeProfiler(p, p.Describe())
}
