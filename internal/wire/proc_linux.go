package wire

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// descendants are a process and all that it and its children have started and that still have it as an ancestor.
func descendants(pid int) []int {
	tree := []int{pid}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, childrenOf(strconv.Itoa(tree[i]))...)
	}
	return tree
}

// childrenOf are the children of a process, "self" or a number.
func childrenOf(process string) []int {
	files, _ := filepath.Glob("/proc/" + process + "/task/*/children")
	var pids []int
	for _, file := range files {
		text, _ := os.ReadFile(file) // else the thread has ended
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// memoryOf is what a process has in memory and in swap that is its own, in bytes: pages of files, such as weights that are
// mapped, are the kernel's to take back. 0 when it is gone.
func memoryOf(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	var kib int64
	for line := range bytes.Lines(text) {
		name, rest, _ := bytes.Cut(line, []byte(":"))
		switch string(name) {
		case "RssAnon", "RssShmem", "VmSwap":
			n, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
			v, _ := strconv.ParseInt(string(n), 10, 64)
			kib += v
		}
	}
	return kib << 10
}

// statOf is a process's state, 'Z' for one that has ended, and its group; ok is false when it is gone.
func statOf(pid int) (state byte, group int, ok bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, false
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // a name may hold anything
	if len(fields) < 3 {
		return 0, 0, false
	}
	group, err = strconv.Atoi(string(fields[2]))
	return fields[0][0], group, err == nil
}
