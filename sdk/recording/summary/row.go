package summary

import (
	"math"
	"strings"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// key is what makes a row: spans of one name and category, with the numbers in block names left out.
type key struct {
	category trace.Category
	name     string
}

// maxRows bounds the rows of a process; spans of further names share one row a category.
const (
	maxRows = 256
	other   = "(other)"
)

// row adds up the spans of one key.
type row struct {
	key
	total    int64 // ns
	min, max int64 // ns
	flops    int64 // of the spans that have any
	hasFlops bool
	depth    uint16 // the deepest seen
	hist     histogram
}

func (r *row) add(ns int64, depth uint16) {
	if r.hist.count == 0 || ns < r.min {
		r.min = ns
	}
	r.max = max(r.max, ns)
	r.depth = max(r.depth, depth)
	r.total = plus(r.total, ns)
	r.hist.add(uint64(ns))
}

func (r *row) merge(from *row) {
	if r.hist.count == 0 || (from.hist.count > 0 && from.min < r.min) {
		r.min = from.min
	}
	r.max = max(r.max, from.max)
	r.depth = max(r.depth, from.depth)
	r.total = plus(r.total, from.total)
	r.flops = plus(r.flops, from.flops)
	r.hasFlops = r.hasFlops || from.hasFlops
	r.hist.merge(&from.hist)
}

// p99 never lies outside what was seen.
func (r *row) p99() int64 {
	return min(max(int64(r.hist.quantile(0.99)), r.min), r.max)
}

// plus adds two numbers that are not negative, and stops at the largest.
func plus(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// folded is a block's name with the numbers of its parts as stars: blocks.3 is blocks.*.
func folded(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		if i > 0 && p != "" && strings.Trim(p, "0123456789") == "" {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, ".")
}
