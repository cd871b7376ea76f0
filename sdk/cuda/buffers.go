//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pool hands buffers to the library and takes them back filled. Its callbacks come on any thread of the process: they
// take a lock for a moment, and never wait. Buffers are memory of the system, not of Go's heap.
type pool struct {
	mu      sync.Mutex
	free    []uintptr
	made    int
	most    int          // buffers there may be
	full    []fullBuffer // filled, in order
	wake    chan struct{}
	refused uint64 // requests for which there was no buffer
}

// fullBuffer is a buffer that the library has given back.
type fullBuffer struct {
	context uintptr
	stream  uint32
	at      uintptr
	valid   int // bytes
}

func newPool() *pool { return &pool{wake: make(chan struct{}, 1)} }

// pointer is an address that is no memory of Go.
func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// requested is the library's call for a buffer. Without one it drops records and counts them.
func (p *pool) requested(buffer, size, most uintptr) uintptr {
	at := p.take()
	*(*uintptr)(pointer(buffer)) = at
	*(*uintptr)(pointer(size)) = 0
	if at != 0 {
		*(*uintptr)(pointer(size)) = bufferBytes
	}
	*(*uintptr)(pointer(most)) = 0 // as many records as there is room for
	return 0
}

// completed is the library's call that a buffer is filled.
func (p *pool) completed(context, stream, buffer, _, valid uintptr) uintptr {
	if buffer == 0 {
		return 0
	}
	p.mu.Lock()
	p.full = append(p.full, fullBuffer{context, uint32(stream), buffer, int(min(valid, bufferBytes))})
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return 0
}

func (p *pool) take() uintptr {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		at := p.free[n-1]
		p.free = p.free[:n-1]
		return at
	}
	if p.made >= p.most {
		p.refused++
		return 0
	}
	at, err := unix.MmapPtr(-1, 0, nil, bufferBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		p.refused++
		return 0
	}
	p.made++
	return uintptr(at)
}

// next is the oldest filled buffer.
func (p *pool) next() (fullBuffer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.full) == 0 {
		return fullBuffer{}, false
	}
	b := p.full[0]
	p.full = p.full[1:]
	return b, true
}

// give takes back a buffer that was read.
func (p *pool) give(b fullBuffer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made > p.most {
		p.unmap(b.at)
		return
	}
	p.free = append(p.free, b.at)
}

func (p *pool) unmap(at uintptr) {
	_ = unix.MunmapPtr(pointer(at), bufferBytes)
	p.made--
}

// open allows so many bytes of buffers. close gives back what the library does not hold, and allows no more.
func (p *pool) open(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most, p.refused = int(bytes/bufferBytes), 0
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = 0
	for _, at := range p.free {
		p.unmap(at)
	}
	for _, b := range p.full { // of a recording that has ended
		p.unmap(b.at)
	}
	p.free, p.full = nil, nil
}
