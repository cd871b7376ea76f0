package wire

import (
	"os/exec"
	"syscall"
)

// maxSocketPath is sun_path without its ending NUL.
const maxSocketPath = 103

// attributes of a new process: a group of its own. There is no death signal here; the plugin watches its parent.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// reap waits for the process and then ends what is left of its group. Between the two the group's id is free for others
// when nothing was left, for a moment: here there is no waiting without reaping.
func reap(cmd *exec.Cmd, endGroup func()) error {
	err := cmd.Wait()
	endGroup()
	return err
}
