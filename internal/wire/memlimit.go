package wire

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// memoryLook is how often a bounded process's memory is looked at.
const memoryLook = 250 * time.Millisecond

// memoryLooks is how many looks at a process go by between two at which children it has.
const memoryLooks = 4

// watchMemory ends the process when it and its children have more than they may.
func (c *child) watchMemory() {
	tick := time.NewTicker(memoryLook)
	defer tick.Stop()
	var tree []int
	for n := 0; ; n++ {
		if n%memoryLooks == 0 {
			tree = append(descendants(c.pid), c.group.pids()...)
			slices.Sort(tree)
			tree = slices.Compact(tree)
		}
		var used int64
		for _, pid := range tree {
			used += memoryOf(pid)
		}
		if used > c.maxMemory {
			c.end(fmt.Errorf("%w: %d MiB, its max_memory is %d MiB", ErrMemory, used>>20, c.maxMemory>>20))
			return
		}
		select {
		case <-c.exited:
			return
		case <-tick.C:
		}
	}
}

// memoryEnv asks a Go plugin to collect its garbage more often before it comes to its bound, unless the user has asked already.
func memoryEnv(limit int64, getenv func(string) string) []string {
	if limit <= 0 || getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return []string{"GOMEMLIMIT=" + strconv.FormatInt(limit-limit/10, 10)}
}
