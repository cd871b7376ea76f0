package cuda

import "errors"

// Why there are no device events, to be tested with errors.Is. With [Required] they are the error of a recording's start.
var (
	ErrNotBuilt    = errors.New("this program was built without CUDA: for another system, or with the tag nocuda")
	ErrNoLibrary   = errors.New("libcupti was not found")
	ErrTooOld      = errors.New("libcupti is older than CUDA 12.0")
	ErrNoDriver    = errors.New("there is no libcuda.so.1: NVIDIA's driver is not installed, or not in this container")
	ErrNoDevice    = errors.New("there is no CUDA device that this process may use")
	ErrHeld        = errors.New("another tool holds CUPTI in this process: nsys, ncu or torch.profiler; end it, or set control = \"cuda_profiler_api\" to follow it")
	ErrPrivileges  = errors.New("the driver lets only administrators profile: set NVreg_RestrictProfilingToAdminUsers=0, or give the process CAP_SYS_ADMIN")
	ErrVirtualised = errors.New("the device is virtualised, and its licence or its host does not allow profiling")
	ErrNotReady    = errors.New("CUPTI could not be initialised")
	ErrStuck       = errors.New("CUPTI has not come back from the stop of an earlier recording")
	ErrBusy        = errors.New("another recorder of this process collects device events")
	ErrNoProfiler  = errors.New("neither libcudart nor libcuda was found, so no CUDA profiler can be told")
)
