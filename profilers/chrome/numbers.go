package chrome

const (
	// devicePIDs is how many of the lowest process ids are kept for devices, whose "process" is their number.
	devicePIDs = 16
	// firstMadeUpPID is above the largest process id of Linux (2^22).
	firstMadeUpPID = 1<<22 + 1
)

// numbers hands out numbers that are unique among those it handed out.
type numbers struct {
	taken map[int]bool
	next  int // where to look for a free one
}

func newNumbers(firstMadeUp int) numbers {
	return numbers{taken: map[int]bool{}, next: firstMadeUp}
}

// take gives want when nobody has it, else one made up. A negative want is never given. Ids of two machines may be the same.
func (n *numbers) take(want int) int {
	if want < 0 || n.taken[want] {
		for n.taken[n.next] {
			n.next++
		}
		want = n.next
	}
	n.taken[want] = true
	return want
}

// takeFrom gives want when nobody has it, else the next one that is free.
func (n *numbers) takeFrom(want int) int {
	for n.taken[want] {
		want++
	}
	return n.take(want)
}

// processPID is the id that a process would like to have in a trace: its own, unless that is kept for devices.
func processPID(pid int) int {
	if pid < devicePIDs {
		return -1
	}
	return pid
}
