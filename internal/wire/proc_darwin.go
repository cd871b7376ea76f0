package wire

// Here nothing tells what memory a process uses: GOMEMLIMIT is all that max_memory does.
func descendants(pid int) []int { return []int{pid} }
func memoryOf(int) int64        { return 0 }
