package wire

import (
	"io"
	"os"
	"os/exec"
	"strconv"
)

// command runs what was checked, by its open file and not by its path. A script's interpreter opens the file once more, so
// that the script inherits it; a script finds its own folder by `readlink -f "$0"`.
func (c *checked) command(args ...string) *exec.Cmd {
	cmd := exec.Command(c.path, args...)
	if c.file == nil {
		return cmd
	}
	magic := make([]byte, 2)
	if _, err := c.file.ReadAt(magic, 0); err == nil && string(magic) == "#!" {
		cmd.ExtraFiles = []*os.File{c.file}
		cmd.Path = "/proc/self/fd/3" // the first of the extra files
		_, _ = c.file.Seek(0, io.SeekStart)
		return cmd
	}
	cmd.Path = "/proc/self/fd/" + strconv.Itoa(int(c.file.Fd()))
	return cmd
}
