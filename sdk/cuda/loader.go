//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"runtime"

	"github.com/ebitengine/purego"
)

// openLibrary and findSymbol are [purego.Dlopen] and [purego.Dlsym] on one thread: the loader tells what went wrong to the
// thread that asked, and a goroutine that moves on in between would get an error without a word.
func openLibrary(path string, flags int) (uintptr, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL|flags)
}

func findSymbol(library uintptr, name string) (uintptr, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return purego.Dlsym(library, name)
}
