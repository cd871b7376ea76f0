package trace

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapping is the address range of a segment. It outlives the segment: a late writer may store there until the last
// track has detached, so after the freeze scratch memory takes the file's place at the same address.
type mapping struct {
	base unsafe.Pointer
	size int64
	heap []uint64 // in tests for the race detector: memory of Go in place of a mapping
	refs atomic.Int32
}

// mapped counts address ranges that are not unmapped yet, for tests.
var mapped atomic.Int64

func mapFile(f *os.File, size int64) (*mapping, error) {
	m := &mapping{size: size}
	m.refs.Store(1)
	p, err := unix.MmapPtr(int(f.Fd()), 0, nil, uintptr(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	switch err {
	case nil:
		m.base = p
		mapped.Add(1)
		return m, nil
	case unix.ENODEV, unix.EINVAL, unix.EACCES, unix.ENOTSUP:
		return nil, fmt.Errorf("map %s: %w (%w)", f.Name(), ErrNoSharedMap, err)
	}
	return nil, fmt.Errorf("map %s: %w", f.Name(), err)
}

// heapMapping is memory of Go, which the race detector watches.
func heapMapping(size int64) *mapping {
	m := &mapping{size: size, heap: make([]uint64, size/8)}
	m.base = unsafe.Pointer(&m.heap[0])
	m.refs.Store(1)
	return m
}

// freeze replaces the file by scratch memory: from now on nobody changes the file.
func (m *mapping) freeze() error {
	if m.heap != nil {
		return nil
	}
	_, err := unix.MmapPtr(-1, 0, m.base, uintptr(m.size), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_FIXED|unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	return err
}

// hold keeps the range mapped. The caller knows that somebody else holds it now.
func (m *mapping) hold() { m.refs.Add(1) }

// release undoes one hold, or the making.
func (m *mapping) release() {
	if m.refs.Add(-1) != 0 || m.heap != nil {
		return
	}
	_ = unix.MunmapPtr(m.base, uintptr(m.size)) // fails only for a range that we did not map
	mapped.Add(-1)
}
