package wire

import "os/exec"

// command runs what was checked. Here a program can only be run by its path, which may lead to another file by now.
func (c *checked) command(args ...string) *exec.Cmd { return exec.Command(c.path, args...) }
