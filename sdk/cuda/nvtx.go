//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// ranges shows spans to an outside profiler as NVTX ranges.
type ranges struct {
	push8, pop8 uintptr

	mu    sync.Mutex
	texts map[trace.NameID]*byte // with a zero byte behind
}

// injection is how a tool that wants NVTX is announced to a process.
const injection = "NVTX_INJECTION64_PATH"

var errNoNVTX = errors.New("neither libnvToolsExt nor libnvtx3interop was found: install the CUDA toolkit or the Python package nvidia-nvtx, or set CUDA_HOME")

// openRanges finds NVTX when a tool wants it; nil when none does, or there is no library, which is an error.
func openRanges() (*ranges, error) {
	if os.Getenv(injection) == "" {
		return nil, nil
	}
	for _, name := range soughtNVTX.places() {
		lib, err := openLibrary(name, 0)
		if err != nil {
			continue
		}
		push, err1 := findSymbol(lib, "nvtxRangePushA")
		pop, err2 := findSymbol(lib, "nvtxRangePop")
		if err1 == nil && err2 == nil {
			return &ranges{push8: push, pop8: pop, texts: map[trace.NameID]*byte{}}, nil
		}
	}
	return nil, errNoNVTX
}

func (r *ranges) push(n trace.NameID) {
	purego.SyscallN(r.push8, uintptr(unsafe.Pointer(r.text(n))))
}

// text is a name for C. It is kept, so that its address holds.
func (r *ranges) text(n trace.NameID) *byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.texts[n]
	if p == nil {
		p = unsafe.SliceData(append([]byte(n.String()), 0))
		r.texts[n] = p
	}
	return p
}

func (r *ranges) pop() { purego.SyscallN(r.pop8) }

// profilerCalls are cudaProfilerStart and cudaProfilerStop, of the runtime that the process has loaded, or else the
// driver's own.
var profilerCalls = sync.OnceValues(func() ([2]func() int32, error) {
	const loaded = 4 // RTLD_NOLOAD
	for _, l := range []struct {
		name        string
		flags       int
		start, stop string
	}{
		{"libcudart.so.13", loaded, "cudaProfilerStart", "cudaProfilerStop"},
		{"libcudart.so.12", loaded, "cudaProfilerStart", "cudaProfilerStop"},
		{driverName, 0, "cuProfilerStart", "cuProfilerStop"},
		{"libcudart.so.13", 0, "cudaProfilerStart", "cudaProfilerStop"},
		{"libcudart.so.12", 0, "cudaProfilerStart", "cudaProfilerStop"},
		{"libcudart.so", 0, "cudaProfilerStart", "cudaProfilerStop"},
	} {
		lib, err := openLibrary(l.name, l.flags)
		if err != nil {
			continue
		}
		start, err1 := findSymbol(lib, l.start)
		stop, err2 := findSymbol(lib, l.stop)
		if err1 != nil || err2 != nil {
			continue
		}
		var calls [2]func() int32
		purego.RegisterFunc(&calls[0], start)
		purego.RegisterFunc(&calls[1], stop)
		return calls, nil
	}
	return [2]func() int32{}, ErrNoProfiler
})

func profilerStart() error { return profilerCall(0, "cudaProfilerStart") }
func profilerStop() error  { return profilerCall(1, "cudaProfilerStop") }

func profilerCall(which int, name string) error {
	calls, err := profilerCalls()
	if err != nil {
		return err
	}
	if r := calls[which](); r != 0 {
		return fmt.Errorf("%s: result %d", name, r)
	}
	return nil
}
