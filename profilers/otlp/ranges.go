package otlp

import "sort"

// ranges is a set of numbers as runs that do not touch: [from, to), in order.
type ranges [][2]uint64

// add puts n in. Numbers mostly come in order, so the end is looked at first.
func (r *ranges) add(n uint64) {
	list := *r
	i := len(list)
	for i > 0 && list[i-1][0] > n {
		i--
	}
	switch {
	case i > 0 && n < list[i-1][1]:
	case i > 0 && n == list[i-1][1]:
		list[i-1][1]++
		if i < len(list) && list[i][0] == n+1 {
			list[i-1][1] = list[i][1]
			*r = append(list[:i], list[i+1:]...)
		}
	case i < len(list) && list[i][0] == n+1:
		list[i][0] = n
	default:
		list = append(list, [2]uint64{})
		copy(list[i+1:], list[i:])
		list[i] = [2]uint64{n, n + 1}
		*r = list
	}
}

func (r ranges) has(n uint64) bool {
	i := sort.Search(len(r), func(i int) bool { return r[i][1] > n })
	return i < len(r) && r[i][0] <= n
}

// valid tells whether r is what add makes.
func (r ranges) valid() bool {
	for i, x := range r {
		if x[0] >= x[1] || i > 0 && r[i-1][1] >= x[0] {
			return false
		}
	}
	return true
}
