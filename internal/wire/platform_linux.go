package wire

import (
	"errors"
	"os/exec"
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

// reap waits for the process, ends what is left of its group and reaps it, in this order: as long as a dead process is
// not reaped its id still names its group and nobody else's.
func reap(cmd *exec.Cmd, endGroup func()) error {
	for {
		if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	endGroup()
	return family.wait(cmd)
}
