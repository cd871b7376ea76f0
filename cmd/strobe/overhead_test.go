package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// imagesPerSide is how many pictures each side of a pair draws: about two seconds of them, so that what a start costs once
// (making and populating segments) is not the whole of what is measured.
const imagesPerSide = 8

// BenchmarkServingProfiled tells what a profile at operator level costs the server. An iteration is one pair: the same
// pictures with the profile off and on, in random order, so that the machine's drift hits both alike. Run it with
// -benchtime 40x or more.
func BenchmarkServingProfiled(b *testing.B) {
	p := startServer(b)
	warm(p)
	var ratios []float64
	for range b.N {
		ratios = append(ratios, pair(p))
	}
	median, low, high := medianInterval(ratios)
	b.ReportMetric(median, "on/off")
	b.ReportMetric(low, "low95")
	b.ReportMetric(high, "high95")
	b.ReportMetric(0, "ns/op")
}

// TestServingProfiled holds a bound ten times looser than what the benchmark shows.
func TestServingProfiled(t *testing.T) {
	full(t, "a quiet minute")
	p := startServer(t)
	warm(p)
	var ratios []float64
	for range 12 {
		ratios = append(ratios, pair(p))
	}
	median, low, high := medianInterval(ratios)
	t.Logf("throughput on/off: median %.3f, 95 %% interval [%.3f, %.3f], %d pairs", median, low, high, len(ratios))
	if median < 0.90 {
		t.Errorf("serving with a profile on has %.1f %% of its throughput", 100*median)
	}
}

// BenchmarkStartStop times the replies to start and stop around a profile of 100 pictures at operator level.
func BenchmarkStartStop(b *testing.B) {
	p := startServer(b)
	warm(p)
	var starts, stops []float64
	var events uint64
	for range b.N {
		began := time.Now()
		p.post("/start_profile", "")
		starts = append(starts, float64(time.Since(began))/1e6)
		for i := range 100 {
			p.draw(i, 20)
		}
		began = time.Now()
		view := p.stopProfile()
		stops = append(stops, float64(time.Since(began))/1e6)
		if view.State != profile.StateComplete || view.Losses.Total != 0 {
			b.Fatalf("%+v", view)
		}
		events = view.Events
	}
	b.ReportMetric(median(starts), "start-ms")
	b.ReportMetric(median(stops), "stop-ms")
	b.ReportMetric(slices.Max(stops), "worst-stop-ms")
	b.ReportMetric(float64(events), "events")
	b.ReportMetric(0, "ns/op")
}

func warm(p *process) {
	for i := range 3 {
		p.draw(i, 20)
	}
	p.post("/start_profile", "")
	p.draw(0, 2)
	p.stopProfile()
}

// draw asks for one guided picture.
func (p *process) draw(seed, steps int) {
	p.t.Helper()
	r := p.post("/v1/images/generations", fmt.Sprintf(
		`{"prompt":"noto red heart","seed":%d,"num_inference_steps":%d,"guidance_scale":1.5,"response_format":"file"}`, seed, steps))
	if r.status != 200 {
		p.t.Fatalf("%d %s", r.status, r.body)
	}
}

// pair is the throughput with a profile on over that with it off.
func pair(p *process) float64 {
	return pairWith(p, func() (stop func()) {
		p.post("/start_profile", "")
		return func() { p.stopProfile() }
	})
}

// pairWith is the throughput while what start begins goes on, over that without it. Ending it is not timed.
func pairWith(p *process, start func() (stop func())) float64 {
	off := func() time.Duration {
		began := time.Now()
		for i := range imagesPerSide {
			p.draw(i, 20)
		}
		return time.Since(began)
	}
	on := func() time.Duration {
		stop := start()
		defer stop()
		return off()
	}
	if rand.N(2) == 0 {
		a := off()
		return float64(a) / float64(on())
	}
	a := on()
	return float64(off()) / float64(a)
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// medianInterval is the median with its 95 % interval by bootstrap.
func medianInterval(v []float64) (mid, low, high float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	medians := make([]float64, 2000)
	sample := make([]float64, len(v))
	for i := range medians {
		for j := range sample {
			sample[j] = v[rng.IntN(len(v))]
		}
		medians[i] = median(sample)
	}
	slices.Sort(medians)
	return median(v), medians[len(medians)*25/1000], medians[len(medians)*975/1000]
}
