package summary

import "math/bits"

const (
	subBits    = 6 // 64 buckets an octave: a bucket's middle is at most 1/128 off any of its values
	subBuckets = 1 << subBits
	octaves    = 64 - subBits // values up to 1<<63 - 1
)

// histogram counts durations in nanoseconds. Below 128 ns each value has its own bucket. An octave takes memory (512
// bytes) only once it is used.
type histogram struct {
	count  uint64
	octave [octaves]*[subBuckets]uint64
}

func (h *histogram) add(ns uint64) {
	h.count++
	o, s := bucket(ns)
	b := h.octave[o]
	if b == nil {
		b = new([subBuckets]uint64)
		h.octave[o] = b
	}
	b[s]++
}

func bucket(ns uint64) (octave, sub int) {
	shift := bits.Len64(ns|(subBuckets-1)) - subBits
	if shift == 0 {
		return 0, int(ns)
	}
	return shift, int(ns>>(shift-1)) & (subBuckets - 1)
}

// middle is the value that stands for a bucket.
func middle(octave, sub int) uint64 {
	if octave == 0 {
		return uint64(sub)
	}
	low := uint64(subBuckets+sub) << (octave - 1)
	return low + uint64(1)<<(octave-1)/2
}

func (h *histogram) merge(from *histogram) {
	h.count += from.count
	for o, b := range from.octave {
		if b == nil {
			continue
		}
		if h.octave[o] == nil {
			h.octave[o] = new([subBuckets]uint64)
		}
		for s, n := range b {
			h.octave[o][s] += n
		}
	}
}

// quantile is the smallest value that at least q of the values do not exceed (nearest rank), within a bucket's width.
func (h *histogram) quantile(q float64) uint64 {
	if h.count == 0 {
		return 0
	}
	rank := uint64(q * float64(h.count))
	if float64(rank) < q*float64(h.count) || rank == 0 {
		rank++
	}
	var seen uint64
	for o, b := range h.octave {
		if b == nil {
			continue
		}
		for s, n := range b {
			if seen += n; n > 0 && seen >= rank {
				return middle(o, s)
			}
		}
	}
	return 0
}
