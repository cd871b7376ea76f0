package chrome

// firstMadeUp is above the largest process id of Linux (2^22).
const firstMadeUp = 1<<22 + 1

// numbers hands out numbers that are unique among those it handed out.
type numbers struct {
	taken map[int]bool
	next  int // where to look for a free one
}

func newNumbers(firstMadeUp int) numbers {
	return numbers{taken: map[int]bool{}, next: firstMadeUp}
}

// take gives want when nobody has it, else one made up. Ids of two machines, and devices of two ranks, may be the same.
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
