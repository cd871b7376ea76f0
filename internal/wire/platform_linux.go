package wire

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxSocketPath is sun_path without its ending NUL.
const maxSocketPath = 107

// attributes of a new process: a group of its own, and death with us. The kernel sends the signal when the *thread*
// that started the process ends, see spawner.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit waits until the process has ended but leaves it unreaped, so that its group's id cannot be used anew.
func awaitExit(pid int) {
	for {
		if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
