//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Results of CUPTI's functions that mean something here.
const (
	resultMaxLimit     = 12
	resultNotInit      = 15
	resultUnknownKind  = 21
	resultNotSupported = 27
	resultVirtualised  = 33
	resultPrivileges   = 35
	resultLegacy       = 38
	resultSubscribers  = 39
)

// cupti is a loaded libcupti. There is one of a path in the process, and it stays.
type cupti struct {
	path string

	version       func(*uint32) int32
	subscribe     func(subscriber *uintptr, callback, data uintptr) int32
	unsubscribe   func(subscriber uintptr) int32
	register      func(requested, completed uintptr) int32
	enable        func(kind int32) int32
	disable       func(kind int32) int32
	flushAll      func(flag uint32) int32
	dropped       func(context uintptr, stream uint32, n *uint64) int32
	callbackName  func(domain int32, cbid uint32, name *uintptr) int32
	threadIDsOf   func(kind int32) int32 // nil before CUDA 11
	nextRecord    uintptr                // called by address: once a record
	timestamp     uintptr
	pushExternal  uintptr
	popExternal   uintptr
	buffers       *pool // what it fills
	registerOnce  sync.Once
	registerError error
}

var (
	librariesMu sync.Mutex
	libraries   = map[uintptr]*cupti{} // by the loader's handle: one library may have many paths
)

// loadCUPTI loads the library at path, or the first one that can be found.
func loadCUPTI(path string) (*cupti, error) {
	librariesMu.Lock()
	defer librariesMu.Unlock()
	tried := []string{path}
	if path == "" {
		tried = soughtCUPTI.places()
	}
	var first error
	for _, p := range tried {
		l, err := openCUPTI(p)
		if err == nil {
			return l, nil
		}
		if first == nil && path != "" {
			first = err
		}
	}
	if first != nil {
		return nil, fmt.Errorf("%w at %s: %w", ErrNoLibrary, path, first)
	}
	return nil, fmt.Errorf("%w: install the CUDA toolkit or the Python package nvidia-cuda-cupti, set CUDA_HOME, or name its path", ErrNoLibrary)
}

// openCUPTI loads one library, or finds that it is loaded. librariesMu is held.
func openCUPTI(path string) (*cupti, error) {
	lib, err := openLibrary(path, 0)
	if err != nil {
		return nil, err
	}
	if c := libraries[lib]; c != nil {
		return c, nil
	}
	c := &cupti{path: path}
	libraries[lib] = c
	defer func() {
		if err != nil {
			delete(libraries, lib)
		}
	}()
	for name, f := range map[string]any{
		"cuptiGetVersion": &c.version, "cuptiSubscribe": &c.subscribe, "cuptiUnsubscribe": &c.unsubscribe,
		"cuptiActivityRegisterCallbacks": &c.register, "cuptiActivityEnable": &c.enable, "cuptiActivityDisable": &c.disable,
		"cuptiActivityFlushAll": &c.flushAll, "cuptiActivityGetNumDroppedRecords": &c.dropped, "cuptiGetCallbackName": &c.callbackName,
	} {
		var symbol uintptr
		if symbol, err = findSymbol(lib, name); err != nil {
			return nil, fmt.Errorf("%s is no libcupti that can be used: %w", path, err)
		}
		purego.RegisterFunc(f, symbol)
	}
	for name, to := range map[string]*uintptr{
		"cuptiActivityGetNextRecord": &c.nextRecord, "cuptiGetTimestamp": &c.timestamp,
		"cuptiActivityPushExternalCorrelationId": &c.pushExternal, "cuptiActivityPopExternalCorrelationId": &c.popExternal,
	} {
		if *to, err = findSymbol(lib, name); err != nil {
			return nil, fmt.Errorf("%s is no libcupti that can be used: %w", path, err)
		}
	}
	if symbol, e := findSymbol(lib, "cuptiSetThreadIdType"); e == nil {
		purego.RegisterFunc(&c.threadIDsOf, symbol)
	}
	return c, nil
}

// prepare registers the callbacks, once for the life of the process.
func (c *cupti) prepare() error {
	c.registerOnce.Do(func() {
		c.buffers = newPool()
		requested := purego.NewCallback(c.buffers.requested)
		completed := purego.NewCallback(c.buffers.completed)
		if r := c.register(requested, completed); r != 0 {
			c.registerError = resultError("register callbacks with CUPTI", r)
		}
	})
	return c.registerError
}

// ignored is the callback of the subscriber, which asks for no calls.
var ignored = sync.OnceValue(func() uintptr {
	return purego.NewCallback(func(_, _, _, _ uintptr) uintptr { return 0 })
})

// now reads the library's clock, in nanoseconds of an epoch of its own choice.
func (c *cupti) now(to *uint64) bool {
	r, _, _ := purego.SyscallN(c.timestamp, uintptr(unsafe.Pointer(to)))
	runtime.KeepAlive(to)
	return r == 0
}

// versionText is the library's version as people write it.
func versionText(v uint32) string {
	if v >= 130000 {
		return fmt.Sprintf("%d.%d", v/10000, v%10000/100)
	}
	old := map[uint32]string{17: "11.6", 18: "11.8", 19: "12.0", 20: "12.2", 21: "12.3", 22: "12.4", 23: "12.5", 24: "12.6", 26: "12.8", 28: "12.9"}
	if s, ok := old[v]; ok {
		return s
	}
	return fmt.Sprintf("API %d", v)
}

// oldestVersion is CUDA 12.0.
const oldestVersion = 19

// resultError is a result that is not 0 as an error.
func resultError(doing string, r int32) error {
	reason := ErrNotReady
	switch r {
	case resultPrivileges:
		reason = ErrPrivileges
	case resultVirtualised:
		reason = ErrVirtualised
	case resultSubscribers, resultMaxLimit, resultLegacy:
		reason = ErrHeld
	case resultNotInit:
		return fmt.Errorf("%s: %w (NOT_INITIALIZED, result 15)", doing, reason)
	}
	return fmt.Errorf("%s: %w (result %d)", doing, reason, r)
}
