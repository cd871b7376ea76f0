package plugintest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopLimit is how long a busy machine may take to stop a process.
const stopLimit = 10 * time.Second

// suspend stops a process, and has it go on. When it returns no thread of it runs: the kernel stops them one by one, and on a
// busy machine that takes a while.
func suspend(pid int) (resume func(), err error) {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return nil, fmt.Errorf("suspend the plugin: %w", err)
	}
	resume = sync.OnceFunc(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	for deadline := time.Now().Add(stopLimit); !stopped(pid); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			resume()
			return nil, errors.New("suspend the plugin: it does not stop")
		}
	}
	return resume, nil
}

// stopped tells whether every thread of a process stands still, where that can be seen.
func stopped(pid int) bool {
	if runtime.GOOS != "linux" {
		time.Sleep(100 * time.Millisecond)
		return true
	}
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*/stat", pid))
	return !slices.ContainsFunc(threads, func(path string) bool {
		s, ok := readStat(path)
		return ok && !slices.Contains([]string{"T", "t", "Z", "X"}, s.state)
	})
}

// members are the living processes of a group. One that is dead and not reaped is nobody's fault here.
func members(group int) []string {
	if runtime.GOOS != "linux" {
		if syscall.Kill(-group, 0) != nil {
			return nil
		}
		return []string{fmt.Sprintf("a process of group %d", group)}
	}
	var out []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		s, ok := readStat(path)
		if ok && s.group == strconv.Itoa(group) && !slices.Contains([]string{"Z", "X"}, s.state) {
			out = append(out, "process "+s.name)
		}
	}
	return out
}

// stat is what Linux says of a process or of a thread.
type stat struct{ name, state, group string }

// readStat reads a file "stat". It is false when there is none any more.
func readStat(path string) (stat, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return stat{}, false
	}
	// PID (name) state parent group …, and the name may hold anything
	end := strings.LastIndexByte(string(b), ')')
	f := strings.Fields(string(b[end+1:]))
	if end < 0 || len(f) < 3 {
		return stat{}, false
	}
	return stat{name: string(b[:end+1]), state: f[0], group: f[2]}, true
}
