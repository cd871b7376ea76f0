package config

// Values of profile.control: what profiles ask of the ranks that can measure devices.
const (
	ControlRecord       = "record"            // to record what devices do
	ControlCUDAProfiler = "cuda_profiler_api" // to leave them to an outside profiler of CUDA, and tell it of the begin and the end
)

var controls = []string{ControlRecord, ControlCUDAProfiler}
