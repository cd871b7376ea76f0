package config

import (
	"slices"
	"strings"
)

// Values of profile.control: what profiles ask of the ranks that can measure devices.
const (
	ControlRecord       = "record"            // to record what devices do
	ControlCUDAProfiler = "cuda_profiler_api" // to leave them to an outside profiler of CUDA, and tell it of the begin and the end
)

var controls = []string{ControlRecord, ControlCUDAProfiler}

// control reads profile.control.
func (b *block) control() string {
	const key = "control"
	c := b.str(key, ControlRecord)
	if !slices.Contains(controls, c) {
		b.bad(key, "", "%s must be one of %s, not %q", key, strings.Join(controls, ", "), c)
		return ControlRecord
	}
	return c
}
