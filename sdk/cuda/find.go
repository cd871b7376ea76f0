//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"os"
	"path/filepath"
	"slices"
)

// sought is a library that is looked for.
type sought struct {
	sonames  []string // what the loader itself may know, newest first
	patterns []string // of files in a folder
	python   []string // folders within Python's packages
}

var (
	soughtCUPTI = sought{
		[]string{"libcupti.so.13", "libcupti.so.12", "libcupti.so"},
		[]string{"libcupti.so.1[0-9]", "libcupti.so.20*.*", "libcupti.so"},
		[]string{"nvidia/cuda_cupti/lib", "nvidia/cu[0-9]*/lib"}, // nvidia-cuda-cupti-cu12, nvidia-cuda-cupti of CUDA 13
	}
	soughtNVTX = sought{
		[]string{"libnvToolsExt.so.1", "libnvToolsExt.so", "libnvtx3interop.so.1", "libnvtx3interop.so"},
		[]string{"libnvToolsExt.so.1", "libnvtx3interop.so.1", "libnvtx3interop.so"},
		[]string{"nvidia/nvtx/lib", "nvidia/cu[0-9]*/lib"}, // nvidia-nvtx-cu12, nvidia-nvtx of CUDA 13
	}
)

// candidates are the places where a library may be, in the order in which they are tried: the toolkit that the environment
// names, the loader's own path, Python packages of the environment, then what is installed in the usual places.
func (l *sought) candidates(env func(string) string, glob func(string) []string) (all []string) {
	in := func(folder string) {
		for _, pattern := range l.patterns {
			found := glob(filepath.Join(folder, pattern))
			slices.Sort(found)
			slices.Reverse(found)
			all = append(all, found...)
		}
	}
	toolkit := func(home string) {
		in(filepath.Join(home, "extras/CUPTI/lib64"))
		in(filepath.Join(home, "lib64"))
		in(filepath.Join(home, "targets/*/lib"))
	}
	python := func(packages string) {
		for _, folder := range l.python {
			in(filepath.Join(packages, folder))
		}
	}
	for _, name := range []string{"CUDA_HOME", "CUDA_PATH"} {
		if home := env(name); home != "" {
			toolkit(home)
		}
	}
	all = append(all, l.sonames...)
	for _, name := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if home := env(name); home != "" {
			python(filepath.Join(home, "lib/python3*/site-packages"))
		}
	}
	toolkit("/usr/local/cuda")
	if home := env("HOME"); home != "" {
		python(filepath.Join(home, ".local/lib/python3*/site-packages"))
	}
	python("/usr/local/lib/python3*/*-packages")
	python("/usr/lib/python3*/*-packages")
	return slices.Compact(all)
}

// globFiles is filepath.Glob for patterns that are known to be right.
func globFiles(pattern string) []string {
	found, _ := filepath.Glob(pattern)
	return found
}

// places are the candidates of this process.
func (l *sought) places() []string { return l.candidates(os.Getenv, globFiles) }
