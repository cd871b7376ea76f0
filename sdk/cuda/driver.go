//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"

	"github.com/ebitengine/purego"
)

// driver is what is used of libcuda. It is loaded once a process, and stays.
type driver struct {
	start          func(flags uint32) int32
	version        func(*int32) int32
	count          func(*int32) int32
	device         func(*int32, int32) int32
	name           func(to *byte, size, device int32) int32
	memory         func(*uint64, int32) int32
	uuid           func(*[16]byte, int32) int32
	busID          func(to *byte, size, device int32) int32
	attribute      func(to *int32, attribute, device int32) int32
	primaryState   func(device int32, flags *uint32, active *int32) int32
	primaryRetain  func(context *uintptr, device int32) int32
	primaryRelease func(device int32) int32
	current        func(context *uintptr) int32
	push           func(context uintptr) int32
	pop            func(context *uintptr) int32
	synchronise    func() int32
}

const driverName = "libcuda.so.1"

var loadDriver = sync.OnceValues(func() (*driver, error) {
	lib, err := openLibrary(driverName, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDriver, err)
	}
	d := &driver{}
	for name, f := range map[string]any{
		"cuInit": &d.start, "cuDriverGetVersion": &d.version, "cuDeviceGetCount": &d.count, "cuDeviceGet": &d.device,
		"cuDeviceGetName": &d.name, "cuDeviceTotalMem_v2": &d.memory, "cuDeviceGetUuid": &d.uuid, "cuDeviceGetPCIBusId": &d.busID,
		"cuDeviceGetAttribute": &d.attribute, "cuDevicePrimaryCtxGetState": &d.primaryState,
		"cuDevicePrimaryCtxRetain": &d.primaryRetain, "cuDevicePrimaryCtxRelease_v2": &d.primaryRelease, "cuCtxGetCurrent": &d.current,
		"cuCtxPushCurrent_v2": &d.push, "cuCtxPopCurrent_v2": &d.pop, "cuCtxSynchronize": &d.synchronise,
	} {
		symbol, err := findSymbol(lib, name)
		if err != nil {
			return nil, fmt.Errorf("%w: %s is too old: %w", ErrNoDriver, driverName, err)
		}
		purego.RegisterFunc(f, symbol)
	}
	return d, nil
})

// ready says why there is no device, or how many there are.
func (d *driver) ready() (devices int, err error) {
	if r := d.start(0); r != 0 {
		return 0, fmt.Errorf("%w: cuInit: result %d", ErrNoDevice, r)
	}
	n := new(int32)
	if r := d.count(n); r != 0 || *n < 1 {
		return 0, fmt.Errorf("%w: the driver counts %d (result %d); look at CUDA_VISIBLE_DEVICES and at what the container may use", ErrNoDevice, *n, r)
	}
	return int(*n), nil
}

// wait waits until the devices have done what was asked of them: in the contexts that were seen on bound threads, and in
// each device's primary one. It keeps to one thread, whose own context stays as it was.
func (d *driver) wait(contexts []uintptr) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	n, flags, active, context := new(int32), new(uint32), new(int32), new(uintptr)
	if d.count(n) != 0 {
		return
	}
	for device := range *n {
		if d.primaryState(device, flags, active) != 0 || *active == 0 || d.primaryRetain(context, device) != 0 {
			continue
		}
		d.waitIn(*context)
		d.primaryRelease(device)
	}
	for _, c := range contexts {
		d.waitIn(c)
	}
}

func (d *driver) waitIn(context uintptr) {
	if d.push(context) != 0 {
		return
	}
	d.synchronise()
	d.pop(new(uintptr))
}

// text reads a text that a function writes.
func text(read func(to *byte, size int32) int32) (string, bool) {
	buf := make([]byte, 256)
	if read(&buf[0], int32(len(buf))) != 0 {
		return "", false
	}
	s, _, _ := bytes.Cut(buf, []byte{0})
	return string(s), true
}
