package wire

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// findCgroup is the folder of the cgroup that was delegated to this program: the one that it is in, or the one above when it was
// started in a subgroup of that (systemd: DelegateSubgroup=). To the latter belongs nobody else's process, so that the kernel
// bounds memory below it. As root only what bears the mark of a delegation is taken: root may write everywhere.
func findCgroup(uid int) (string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("look for cgroup v2: %w", err)
	}
	self, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("look for cgroup v2: %w", err)
	}
	dir, err := ownCgroup(string(mounts), string(self))
	if err != nil {
		return "", err
	}
	if above := filepath.Dir(dir); !isUnit(dir) && marked(above) && delegated(above, uid) == nil {
		return above, nil
	}
	return dir, delegated(dir, uid)
}

// ownCgroup is the folder of the cgroup that this program is in, by /proc/self/mountinfo and /proc/self/cgroup.
func ownCgroup(mountinfo, cgroup string) (string, error) {
	own := ""
	for line := range strings.Lines(cgroup) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			own = path
		}
	}
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-")
		if own == "" || dash < 5 || dash+1 >= len(fields) || fields[dash+1] != "cgroup2" {
			continue
		}
		root, point := strings.TrimSuffix(fields[3], "/"), strings.ReplaceAll(fields[4], `\040`, " ")
		if below, ok := strings.CutPrefix(own, root); ok && (below == "" || below[0] == '/') && !strings.Contains(own, "..") {
			return filepath.Join(point, below), nil
		}
	}
	return "", errors.New("this program's cgroup v2 is not mounted")
}

// delegated tells why a cgroup is not this user's to divide.
func delegated(dir string, uid int) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the own cgroup: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "cgroup.type")); err != nil {
		return fmt.Errorf("%s is the root of all cgroups", dir)
	}
	var stat unix.Stat_t
	_ = unix.Stat(dir, &stat)
	if !info.IsDir() || !marked(dir) && (uid == 0 || int(stat.Uid) != uid) {
		return fmt.Errorf("%s is not delegated to this program", dir)
	}
	for _, path := range []string{dir, filepath.Join(dir, "cgroup.procs")} {
		if err := unix.Access(path, unix.W_OK); err != nil {
			return fmt.Errorf("%s is not writable: %w", path, err)
		}
	}
	return nil
}

// marked tells whether systemd has marked a cgroup as delegated.
func marked(dir string) bool {
	value := make([]byte, 8)
	for _, name := range []string{"user.delegate", "trusted.delegate"} {
		if n, err := unix.Getxattr(dir, name, value); err == nil && string(value[:n]) == "1" {
			return true
		}
	}
	return false
}

// serverCgroup is where the server goes below a cgroup that was delegated to it.
const serverCgroup = "strobe-server"

// stepDown moves this program out of its cgroup into one below: the kernel bounds memory below no cgroup that has processes. Only
// what systemd has marked as delegated is treated like that, and nobody else may be in it.
func stepDown(dir string, self int) error {
	if pids := (&cgroup{dir: dir}).pids(); !marked(dir) || !slices.Equal(pids, []int{self}) {
		return fmt.Errorf("processes %v are in %s itself, which keeps the kernel from bounding memory below it", pids, dir)
	}
	below := filepath.Join(dir, serverCgroup)
	if err := os.Mkdir(below, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the server's own cgroup: %w", err)
	}
	if err := writeCgroup(below, "cgroup.procs", strconv.Itoa(self)); err != nil {
		return fmt.Errorf("enter the server's own cgroup: %w", err)
	}
	return nil
}

// isUnit tells whether a cgroup is one of systemd's own: what is above such a one was delegated to someone else.
func isUnit(dir string) bool {
	return slices.Contains([]string{".service", ".scope", ".slice"}, filepath.Ext(dir))
}
