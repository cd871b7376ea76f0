package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// By what plugins are held together and bounded where there is no cgroup, and besides it where there is one.
const (
	childrenBy = "process group and subreaper"
	memoryBy   = "watchdog and GOMEMLIMIT"
)

// cgroupPrefix begins the name of a server's cgroup; a mark follows.
const cgroupPrefix = "strobe-plugins-"

// cgroups is a server's cgroup, in which each plugin process has one. An open file's lock on its folder tells other servers
// that the server lives.
type cgroups struct {
	dir    string
	lock   *os.File
	memory error // why it does not bound memory; nil: it does
}

// openCgroups makes the server's cgroup, after it has ended what is left of servers that died. The error says why there is none.
func openCgroups(setting string, s *spawner, log *slog.Logger) (*cgroups, error) {
	base := setting
	var err error
	switch setting {
	case CgroupOff:
		return nil, errors.New("server.cgroup is off")
	case CgroupAuto:
		base, err = findCgroup(os.Geteuid())
	default:
		var at unix.Statfs_t
		if err = unix.Statfs(base, &at); errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("there is no %s; make it with mkdir", base)
		} else if err == nil && at.Type != unix.CGROUP2_SUPER_MAGIC {
			err = fmt.Errorf("%s is no folder of a cgroup v2 file system; mount lists those that are, as cgroup2", base)
		}
	}
	if err != nil {
		return nil, err
	}
	shared, err := lockFolder(base, sweepLimit) // one server at a time looks for dead ones, and begins
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", base, err)
	}
	defer shared.Close()
	removeDead(base, log)
	g := &cgroups{dir: filepath.Join(base, cgroupPrefix+newID())}
	if err = os.Mkdir(g.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a cgroup: %w", err)
	}
	if g.lock, err = lockFolder(g.dir, 0); err == nil {
		err = g.try(s)
	}
	if err != nil {
		return nil, errors.Join(err, g.close())
	}
	g.memory = enableMemory(base)
	if errors.Is(g.memory, unix.EBUSY) && setting == CgroupAuto {
		if g.memory = stepDown(base, os.Getpid()); g.memory == nil {
			g.memory = enableMemory(base)
		}
	}
	if g.memory == nil {
		g.memory = enableMemory(g.dir)
	}
	return g, nil
}

// try starts a program that does not exist: when the kernel lets it into a cgroup, its absence is what is wrong.
func (g *cgroups) try(s *spawner) error {
	one, err := g.make(0)
	if err != nil {
		return err
	}
	defer one.remove()
	cmd := exec.Command(filepath.Join(g.dir, "no-such-program"))
	cmd.SysProcAttr = attributes()
	placed := one.place(cmd.SysProcAttr)
	defer placed()
	if err := s.start(cmd, ""); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("start a process in a cgroup: %w", err)
	}
	if _, err := os.Stat(filepath.Join(one.dir, "cgroup.kill")); err != nil {
		return fmt.Errorf("the kernel is older than 5.14: %w", err)
	}
	return nil
}

// make makes a plugin's cgroup; maxMemory in bytes, 0: no bound. Both are nil when there are no cgroups.
func (g *cgroups) make(maxMemory int64) (*cgroup, error) {
	if g == nil {
		return nil, nil
	}
	one := &cgroup{dir: filepath.Join(g.dir, newID())}
	if err := os.Mkdir(one.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a cgroup: %w", err)
	}
	if g.memory == nil && maxMemory > 0 {
		if err := one.bound(maxMemory); err != nil {
			return nil, errors.Join(fmt.Errorf("bound a cgroup: %w", err), os.Remove(one.dir))
		}
	}
	return one, nil
}

// close ends whatever is left in it.
func (g *cgroups) close() error {
	if g == nil {
		return nil
	}
	err := endCgroup(g.dir)
	if g.lock != nil {
		g.lock.Close()
	}
	return err
}

// removeDead ends and removes what is left of servers that died: nobody holds the locks of their cgroups.
func removeDead(base string, log *slog.Logger) {
	dirs, _ := filepath.Glob(filepath.Join(base, cgroupPrefix+"*"))
	for _, dir := range dirs {
		if len(filepath.Base(dir)) != len(cgroupPrefix+newID()) {
			continue // someone else's
		}
		lock, err := lockFolder(dir, 0)
		if err != nil {
			continue // it lives
		}
		if err = endCgroup(dir); err != nil {
			log.Warn("a cgroup of plugins that a dead server left stays", "cgroup", dir, "error", err)
		} else {
			log.Warn("a dead server left a cgroup of plugins, it was ended", "cgroup", dir)
		}
		lock.Close()
	}
}

func lockFolder(dir string, wait time.Duration) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(wait); ; time.Sleep(sweepPause) {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			return f, nil
		}
		if !time.Now().Before(end) {
			f.Close()
			return nil, err
		}
	}
}

// cgroup is that of one plugin process and all that it starts, whatever that does to its parents, group and session. A nil one is none.
type cgroup struct {
	dir string

	mu      sync.Mutex
	escaped []int // those that were not in the plugin's process group when they were killed
}

// place has a process start in the cgroup; done is for afterwards.
func (g *cgroup) place(attr *syscall.SysProcAttr) (done func()) {
	if g == nil {
		return func() {}
	}
	fd, err := unix.Open(g.dir, unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_PATH, 0)
	attr.UseCgroupFD, attr.CgroupFD = true, fd // -1: the start says so
	return func() {
		if err == nil {
			_ = unix.Close(fd)
		}
	}
}

// pids are the processes in it.
func (g *cgroup) pids() (pids []int) {
	if g == nil {
		return nil
	}
	text, _ := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	for _, word := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(word); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// kill ends all that is in it, at once. group is the plugin's process group.
func (g *cgroup) kill(group int) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, pid := range g.pids() {
		if state, its, ok := statOf(pid); ok && state != 'Z' && its != group && !slices.Contains(g.escaped, pid) {
			g.escaped = append(g.escaped, pid)
		}
	}
	_ = writeCgroup(g.dir, "cgroup.kill", "1") // gone already, else remove says so
}

// remove ends what is in it, removes it and gives those that were not in the plugin's process group when they were killed.
func (g *cgroup) remove() (escaped []int, err error) {
	if g == nil {
		return nil, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.escaped, endCgroup(g.dir)
}

// endCgroup kills what is in a cgroup and below, and removes it.
func endCgroup(dir string) error {
	kill := writeCgroup(dir, "cgroup.kill", "1")
	var err error
	for end := time.Now().Add(sweepLimit); time.Now().Before(end); time.Sleep(sweepPause) {
		if err = removeCgroup(dir); err == nil {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("remove a cgroup: %w", err), kill)
}

// removeCgroup removes an empty cgroup and those below: their files go with them.
func removeCgroup(dir string) error {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			if err := removeCgroup(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, unix.ENOENT) {
		return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}

// writeCgroup writes one of the files that the kernel made.
func writeCgroup(dir, name, value string) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// enableMemory has the kernel account for the memory of the cgroups in dir. It refuses where processes are in dir itself.
func enableMemory(dir string) error {
	has := func(file string) bool {
		text, _ := os.ReadFile(filepath.Join(dir, file))
		return slices.Contains(strings.Fields(string(text)), "memory")
	}
	if !has("cgroup.controllers") {
		return fmt.Errorf("%s has no memory controller", dir)
	}
	if has("cgroup.subtree_control") {
		return nil
	}
	return writeCgroup(dir, "cgroup.subtree_control", "+memory")
}

// bound bounds the memory of all processes together, in bytes; beyond it the kernel ends them all. There is no swap for them,
// which would put the end off and take the machine's time.
func (g *cgroup) bound(bytes int64) error {
	err := errors.Join(writeCgroup(g.dir, "memory.max", strconv.FormatInt(bytes, 10)), writeCgroup(g.dir, "memory.oom.group", "1"))
	if swap := writeCgroup(g.dir, "memory.swap.max", "0"); !errors.Is(swap, fs.ErrNotExist) { // a kernel without swap has none
		err = errors.Join(err, swap)
	}
	return err
}

// overMemory is [ErrMemory] when the kernel has ended processes in it because they went beyond their bound, in bytes.
func (g *cgroup) overMemory(bound int64) error {
	if g == nil {
		return nil
	}
	text, _ := os.ReadFile(filepath.Join(g.dir, "memory.events"))
	for line := range bytes.Lines(text) {
		if n, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("oom_kill ")); ok && string(n) != "0" {
			return fmt.Errorf("%w: by the kernel's count, its max_memory is %d MiB", ErrMemory, bound>>20)
		}
	}
	return nil
}
