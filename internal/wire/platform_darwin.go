package wire

import "syscall"

// maxSocketPath is sun_path without its ending NUL.
const maxSocketPath = 103

// attributes of a new process: a group of its own. There is no death signal here; the plugin watches its parent.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitExit does nothing here: Wait reaps at once.
func awaitExit(int) {}
