package trace

import (
	"errors"
	"os"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

const monotonicID = unix.CLOCK_MONOTONIC

// trustCounter asks the kernel which clock it uses itself: it has tested the counter on every processor.
func trustCounter() bool {
	b, err := os.ReadFile("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	if err != nil {
		return false
	}
	switch strings.TrimSpace(string(b)) {
	case "tsc", "arch_sys_counter":
		return true
	}
	return false
}

func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

const (
	membarrierPrivate         = 1 << 3
	membarrierRegisterPrivate = 1 << 4
)

// haveBarrier registers the process for expedited barriers, once. Without it writers use sequentially consistent stores.
var haveBarrier = sync.OnceValue(func() bool {
	_, _, e := unix.Syscall(unix.SYS_MEMBARRIER, membarrierRegisterPrivate, 0, 0)
	return e == 0
})

// barrier returns when every running thread of the process has passed a full memory barrier.
func barrier() { _, _, _ = unix.Syscall(unix.SYS_MEMBARRIER, membarrierPrivate, 0, 0) }

// keepsPromises tells whether fallocate on the file's system makes sure that a later write to the mapping finds space.
func keepsPromises(f *os.File) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &st) != nil {
		return false
	}
	switch uint32(st.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC:
		return true
	}
	return false
}

// reserve allots a part of the file; errors.ErrUnsupported when the file system cannot.
func reserve(f *os.File, off, n int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, off, n)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return errors.ErrUnsupported
		}
		return err
	}
}

// populate makes a part of the mapping writable without a fault.
func populate(p unsafe.Pointer, n int64) error {
	for {
		_, _, e := unix.Syscall(unix.SYS_MADVISE, uintptr(p), uintptr(n), unix.MADV_POPULATE_WRITE)
		switch e {
		case 0:
			return nil
		case unix.EINTR, unix.EAGAIN:
			continue
		case unix.EINVAL: // kernels before 5.14
			return errors.ErrUnsupported
		}
		return e
	}
}
