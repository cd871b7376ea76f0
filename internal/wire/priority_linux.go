package wire

import (
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Arguments of ioprio_set(2): the class of whoever waits until nobody else wants the disk.
const (
	ioprioWhoProcess = 1
	ioprioIdle       = 3 << 13
)

// rounds bounds how often a group is looked through: threads that start meanwhile have inherited the old priority.
const rounds = 5

// background has all threads of a process group run only when nothing else wants the processor. That is more than nice 19,
// whose threads keep what they have got for a slice when another one wakes up: a model's workers wait for each other
// thousands of times a second, and each such wait would cost them a slice.
func background(group int) {
	seen := map[int]bool{}
	for range rounds {
		found := false
		for _, pid := range numbersIn("/proc") {
			if of, err := syscall.Getpgid(pid); err != nil || of != group {
				continue
			}
			for _, tid := range numbersIn(fmt.Sprintf("/proc/%d/task", pid)) {
				if !seen[tid] {
					seen[tid], found = true, true
					idle(tid)
				}
			}
		}
		if !found {
			return
		}
	}
}

// idle takes a thread's claim to processor and disk. Who may not keeps it, which costs politeness only.
func idle(tid int) {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
	_ = unix.SchedSetAttr(tid, &attr, 0)
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoProcess, uintptr(tid), ioprioIdle)
}

// numbersIn are the entries of a folder that are numbers.
func numbersIn(dir string) (numbers []int) {
	entries, _ := os.ReadDir(dir) // what has gone has none
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
