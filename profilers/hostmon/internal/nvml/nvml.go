//go:build linux && !nocuda && (amd64 || arm64)

// Package nvml reads NVIDIA GPUs through the driver's management library, where it is there, without cgo.
package nvml

import (
	"math"

	"github.com/ebitengine/purego"
)

// library is what is used of NVIDIA's management library. A call returns 0 when it worked; a card that does not know
// something says so by another number.
type library struct {
	start, stop func() int32
	count       func(*uint32) int32
	device      func(index uint32, device *uintptr) int32
	power       func(device uintptr, milliwatts *uint32) int32
	clock       func(device uintptr, kind int32, mhz *uint32) int32
	memory      func(device uintptr, bytes *struct{ total, free, used uint64 }) int32
}

// load finds the library; nil where there is none that fits.
func load() *library {
	lib, err := purego.Dlopen("libnvidia-ml.so.1", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil
	}
	var n library
	for name, f := range map[string]any{
		"nvmlInit_v2": &n.start, "nvmlShutdown": &n.stop, "nvmlDeviceGetCount_v2": &n.count, "nvmlDeviceGetHandleByIndex_v2": &n.device,
		"nvmlDeviceGetPowerUsage": &n.power, "nvmlDeviceGetClockInfo": &n.clock, "nvmlDeviceGetMemoryInfo": &n.memory,
	} {
		symbol, err := purego.Dlsym(lib, name)
		if err != nil {
			return nil
		}
		purego.RegisterFunc(f, symbol)
	}
	return &n
}

// Open gives a reader for each GPU: watts, MHz of its processors and of its memory, bytes in use; NaN is what the card does
// not say. end gives the library back; the readers must not be used after it. Without a library there is no reader.
func Open() (gpus []func() []float64, end func()) {
	n, count := load(), uint32(0)
	if n == nil || n.start() != 0 {
		return nil, func() {}
	}
	_ = n.count(&count) // stays 0
	for i := range count {
		var device uintptr
		if n.device(i, &device) == 0 {
			gpus = append(gpus, func() []float64 { return n.read(device) })
		}
	}
	return gpus, func() { n.stop() }
}

func (n *library) read(device uintptr) []float64 {
	values := []float64{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	var v uint32
	if n.power(device, &v) == 0 {
		values[0] = float64(v) / 1000
	}
	for i, kind := range []int32{1, 2} { // NVML_CLOCK_SM, NVML_CLOCK_MEM
		if n.clock(device, kind, &v) == 0 {
			values[1+i] = float64(v)
		}
	}
	var m struct{ total, free, used uint64 }
	if n.memory(device, &m) == 0 {
		values[3] = float64(m.used)
	}
	return values
}
