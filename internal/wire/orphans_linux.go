package wire

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Processes that a plugin leaves behind. Those in its group are killed with it. Others made a group of their own; where this
// program adopts them (PR_SET_CHILD_SUBREAPER) they become its children when their parent ends, and are told from its own
// children because no host started them, and because they have their plugin's mark in the environment or, without it, a
// process group that is not this program's.

const (
	sweepLimit = time.Second // for what was killed to be gone
	sweepPause = 2 * time.Millisecond
)

// adopt makes this program the parent of what its plugins leave behind.
func (s *spawner) adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("adopt what plugins leave behind: %w", err)
	}
	s.adopting.Store(true)
	return nil
}

// sweep ends and reaps what plugins that have ended left behind, and gives those processes that were not in group, the plugin
// that has just ended. What bears the mark of another that is being swept is left to that.
func (s *spawner) sweep(group int, mark string) (left []int) {
	defer family.swept(mark)
	if !s.adopting.Load() {
		return nil
	}
	for end := time.Now().Add(sweepLimit); ; time.Sleep(sweepPause) {
		rest := 0
		for _, o := range family.orphans(mark) {
			if o.owned {
				o.reap()
				continue
			}
			if o.group != group && o.state != 'Z' && !slices.Contains(left, o.pid) {
				left = append(left, o.pid)
			}
			_ = syscall.Kill(o.pid, syscall.SIGKILL)
			if !o.reap() {
				rest++
			}
		}
		if rest == 0 || time.Now().After(end) {
			return left
		}
	}
}

// reapOrphans reaps those that have ended.
func reapOrphans() {
	for _, o := range family.orphans("") {
		o.reap()
	}
}

// orphan is a child of this program that neither a host nor the program itself started.
type orphan struct {
	pid, group int
	state      byte
	owned      bool // the plugin lives, or is swept by someone else, that it comes from
}

// orphans are all of them. What the program started by other means is in its own process group. Nobody starts a process of the
// family meanwhile; one that is reaped meanwhile is not there any more. swept is the mark of whom the caller sweeps.
func (k *kin) orphans(swept string) []orphan {
	k.forking.Lock()
	defer k.forking.Unlock()
	pids, marks := k.alive()
	own := syscall.Getpgrp()
	var found []orphan
	for _, pid := range childrenOf("self") {
		state, group, ok := statOf(pid)
		if pids[pid] || !ok || group == own {
			continue
		}
		mark := markOf(pid)
		found = append(found, orphan{pid: pid, group: group, state: state, owned: mark != swept && marks[mark]})
	}
	return found
}

// markOf is the mark in a process's environment; empty when it has none, or has ended.
func markOf(pid int) string {
	environ, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	for v := range bytes.SplitSeq(environ, []byte{0}) {
		if value, ok := bytes.CutPrefix(v, []byte(envInstance+"=")); ok {
			return string(value)
		}
	}
	return ""
}

// reap reaps an orphan if it has ended, and tells whether it is gone.
func (o orphan) reap() bool {
	pid, err := unix.Wait4(o.pid, nil, unix.WNOHANG, nil)
	return pid == o.pid || errors.Is(err, unix.ECHILD)
}
