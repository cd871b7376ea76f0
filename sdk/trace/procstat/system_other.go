//go:build !linux

package procstat

import (
	"time"

	"golang.org/x/sys/unix"
)

// residentBytes: this system tells a process only its peak, which is something else.
func residentBytes() (int64, bool) { return 0, false }

// processorTime is user and system time of all threads so far.
func processorTime() (time.Duration, bool) {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
