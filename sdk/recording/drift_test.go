package recording

import (
	"math"
	"math/rand/v2"
	"testing"
)

// drifting is a pair of clocks: a counter of about 2.9 GHz, and a monotonic clock whose speed against it changes.
type drifting struct {
	rate  float64                      // ticks a second at speed 1
	speed func(second float64) float64 // of the monotonic clock against true time, less 1
}

const driftStep = 1e-3 // seconds between two points of the simulation

// run gives the clocks' readings at each step, the monotonic one in nanoseconds.
func (d drifting) run(seconds float64, each func(i int, ticks uint64, mono float64)) {
	mono := 0.0
	for i := 0; float64(i)*driftStep <= seconds; i++ {
		at := float64(i) * driftStep
		each(i, uint64(at*d.rate), mono)
		mono += driftStep * 1e9 * (1 + (d.speed(at)+d.speed(at+driftStep))/2)
	}
}

// TestClockErrorAfterAnHour holds the bound of FORMAT.md, width/2 + ρ·T/4 + ½ ns, over simulated hours, in the first
// minute and in the last alike; and shows that one slope kept from the start would not do.
func TestClockErrorAfterAnHour(t *testing.T) {
	const (
		interval = 200   // steps of the simulation between two pairs: 0.2 s
		width    = 100.0 // ns that a reading of both clocks takes
		seconds  = 3600.0
	)
	for _, test := range []struct {
		name  string
		speed func(s float64) float64
		rho   float64 // largest change of speed within one interval
	}{
		{"steady", func(float64) float64 { return 0 }, 0},
		{"50 ppm off", func(float64) float64 { return 50e-6 }, 0},
		{"drifting by 0.1 ppm a second for a minute", func(s float64) float64 { return 1e-7 * min(s, 60) }, 2e-8},
		{"swinging with the temperature", func(s float64) float64 { return 1e-6 * math.Sin(s/60) }, 4e-9},
		{"slewed by 500 ppm from one moment on", func(s float64) float64 {
			if s > 1800.0999 {
				return 500e-6
			}
			return 0
		}, 500e-6},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := drifting{rate: 2.9e9 + 1234.5, speed: test.speed}
			rnd := rand.New(rand.NewPCG(5, 5))
			c := &clock{rate: 2_900_000_000}
			d.run(seconds, func(i int, ticks uint64, mono float64) {
				if i%interval == 0 { // read somewhere within the width
					c.add(clockPair{ticks: ticks, mono: int64(math.Round(mono + (rnd.Float64()-0.5)*width)), wall: 1_700_000_000_000_000_000})
				}
			})
			bound := width/2 + test.rho*interval*driftStep*1e9/4 + 0.5
			first, last, kept := 0.0, 0.0, 0.0
			early := &clock{pairs: c.pairs[:2]}
			base := c.pairs[0].wall - c.pairs[0].mono
			d.run(seconds-1, func(i int, ticks uint64, mono float64) {
				e := math.Abs(float64(c.unix(ticks)-base) - mono)
				if i < 60_000 {
					first = max(first, e)
				}
				last = max(last, e)
				if i%1000 == 0 {
					kept = max(kept, math.Abs(float64(early.unix(ticks)-base)-mono))
				}
			})
			t.Logf("largest error %.1f ns in the first minute, %.1f ns in the hour; bound %.1f ns; one slope kept: %.0f ns", first, last, bound, kept)
			if last > bound+2 { // of the simulation's own rounding
				t.Errorf("error of %.1f ns, the bound is %.1f", last, bound)
			}
			if kept < 10*bound && test.rho < 1e-4 {
				t.Errorf("one slope kept from the start is wrong by %.0f ns alone: the simulation shows nothing", kept)
			}
		})
	}
}
