package main

import (
	"testing"

	"github.com/strobe-dev/strobe/sdk/plugintest"
)

func TestConformance(t *testing.T) {
	plugintest.TestProfiler(t, plugintest.ProfilerOptions{New: mine, Build: "."})
}
