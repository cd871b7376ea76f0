package recording

import (
	"testing"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// TestPairsOfARankTakeNoMemory: days of pairs of a process that is on core's clock cost nothing, those of core are within
// the budget.
func TestPairsOfARankTakeNoMemory(t *testing.T) {
	const budget, pairs = 1 << 20, 100_000
	f := Follow("", Options{MaxMemory: budget})
	core, rank := newProcess(f, &segment.Header{Kind: 1}), newProcess(f, &segment.Header{Kind: 2})
	core.clock, rank.clock = &core.own, &core.own
	refused := 0
	for i := range pairs {
		c := clockPair{ticks: uint64(i) * 3, mono: int64(i)}
		if !rank.pair(c) {
			t.Fatalf("pair %d of the rank was refused", i)
		}
		if !core.pair(c) {
			refused++
		}
	}
	if n := len(rank.own.pairs); n > 3 || rank.own.span() != pairs-1 {
		t.Errorf("%d pairs of the rank, over %d ns", n, rank.own.span())
	}
	if n := len(core.own.pairs); n+refused != pairs || n < budget/pairCost/2 || f.taken > budget {
		t.Errorf("%d pairs of core, %d refused, %d bytes taken", n, refused, f.taken)
	}
}
