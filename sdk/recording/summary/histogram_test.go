package summary

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The slow twin: sort and take the nearest rank.
func exact(values []uint64, q float64) uint64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

func TestQuantileAgreesWithSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for name, draw := range map[string]func() uint64{
		"small":     func() uint64 { return rng.Uint64N(128) },
		"uniform":   func() uint64 { return rng.Uint64N(1e9) },
		"log":       func() uint64 { return uint64(math.Exp(rng.Float64() * 40)) },
		"two modes": func() uint64 { return 1e6 + rng.Uint64N(2)*1e9 },
		"constant":  func() uint64 { return 123_456_789 },
		"largest":   func() uint64 { return math.MaxInt64 },
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 2, 99, 100, 101, 5000} {
				var h histogram
				values := make([]uint64, n)
				for i := range values {
					values[i] = draw()
					h.add(values[i])
				}
				for _, q := range []float64{0, 0.5, 0.99, 1} {
					got, want := float64(h.quantile(q)), float64(exact(values, q))
					if math.Abs(got-want) > want/128 {
						t.Errorf("n %d, q %g: %g, want %g within 1/128", n, q, got, want)
					}
				}
			}
		})
	}
}

func TestBucketsAreInOrderAndWithoutGap(t *testing.T) {
	for o := range octaves {
		for s := range subBuckets {
			m := middle(o, s)
			if gotO, gotS := bucket(m); gotO != o || gotS != s {
				t.Fatalf("middle %d of bucket %d, %d lies in %d, %d", m, o, s, gotO, gotS)
			}
		}
	}
}

func TestUnits(t *testing.T) {
	for s, want := range map[float64]string{
		0: "0 ns", 95e-9: "95 ns", 999.4e-9: "999 ns", 1e-6: "1.00 µs", 812e-6: "812 µs", 999.6e-6: "1.00 ms", 38.21e-3: "38.2 ms", 1.517: "1.52 s", 9.999: "10.0 s", 4321.2: "4321 s", 1e6: "278 h", 9.2e9: "106481 d",
	} {
		if got := duration(s); got != want {
			t.Errorf("duration(%g) = %q, want %q", s, got, want)
		}
	}
	for n, want := range map[uint64]string{0: "0", 999_999: "999999", 1_000_000: "1.00 M", 12_345_678_901: "12.3 G", 999_999_999: "1.00 G", 5e15: "5.00 P", math.MaxUint64: "18.4 E"} {
		if got := number(n); got != want {
			t.Errorf("number(%d) = %q, want %q", n, got, want)
		}
	}
	for share, want := range map[float64]string{0: "0.0 %", 0.0001: "<0.1 %", 0.1234: "12.3 %", 1: "100 %", 7.5: "750 %", math.Inf(1): "-"} {
		if got := percent(share); got != want {
			t.Errorf("percent(%g) = %q, want %q", share, got, want)
		}
	}
}
