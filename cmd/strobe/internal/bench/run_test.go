package bench

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func numbered(n int) []Request {
	requests := make([]Request, n)
	for i := range requests {
		requests[i].Prompt = strconv.Itoa(i)
	}
	return requests
}

func TestMeasureKeepsConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := valid()
		c.MaxConcurrency = 3
		var mu sync.Mutex
		var now, most, done int
		run := &Run{Config: &c, Done: func() { done++ }, Send: func(context.Context, Request) Outcome {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return Outcome{Latency: time.Second}
		}}
		outcomes, took := run.Measure(t.Context(), numbered(10))
		if most != 3 || took != 4*time.Second || len(outcomes) != 10 || done != 10 {
			t.Error(most, took, len(outcomes), done)
		}
	})
}

func TestMeasureArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := valid()
		c.MaxConcurrency, c.RequestRate = 100, 2
		began := time.Now()
		var mu sync.Mutex
		var at []time.Duration
		gaps := []float64{1, 0.5, 3}
		run := &Run{
			Config: &c,
			Send: func(context.Context, Request) Outcome {
				mu.Lock()
				defer mu.Unlock()
				at = append(at, time.Since(began))
				return Outcome{}
			},
			Arrivals: func() (g float64) { g, gaps = gaps[0], gaps[1:]; return g },
		}
		run.Measure(t.Context(), numbered(4))
		want := []time.Duration{0, 500 * time.Millisecond, 750 * time.Millisecond, 2250 * time.Millisecond}
		if d := cmp.Diff(want, at); d != "" {
			t.Error(d)
		}
	})
}

func TestRandomArrivalsKeepTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := valid()
		c.RequestRate = 100
		run := &Run{Config: &c, Send: func(context.Context, Request) Outcome { return Outcome{} }}
		_, took := run.Measure(t.Context(), numbered(2001))
		// 2000 gaps of 10 ms on average: 20 s, with a standard deviation of 0.45 s.
		if took < 15*time.Second || took > 25*time.Second {
			t.Error(took)
		}
	})
}

func TestMeasureEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		c := valid()
		c.RequestRate = 1000
		run := &Run{Config: &c, Send: func(ctx context.Context, r Request) Outcome {
			if r.Prompt == "2" {
				cancel(why)
				return Outcome{Err: context.Cause(ctx)}
			}
			time.Sleep(time.Second)
			return Outcome{}
		}}
		outcomes, _ := run.Measure(ctx, numbered(5))
		bad := 0
		for _, o := range outcomes {
			if errors.Is(o.Err, why) {
				bad++
			}
		}
		if bad == 0 || bad == 5 {
			t.Error(bad)
		}
	})
}

func TestWarmup(t *testing.T) {
	c := valid()
	c.WarmupRequests, c.WarmupSteps = 3, 2
	requests := numbered(2)
	requests[0].Steps = 50
	sent, outcomes := (&Run{Config: &c, Send: func(_ context.Context, r Request) Outcome {
		return Outcome{PeakMemoryMB: float64(r.Steps)}
	}}).Warmup(t.Context(), requests)
	if prompts(sent) != "0|1|0" || outcomes[2].PeakMemoryMB != 2 || requests[0].Steps != 50 {
		t.Error(prompts(sent), outcomes, requests)
	}
}

func TestSLO(t *testing.T) {
	own := 1.0
	requests := []Request{
		{Width: 32, Height: 32, Steps: 10},            // 40 units
		{Width: 32, Height: 32, Steps: 10, SLO: &own}, // has its own
		{Steps: 10},           // no size
		{Width: 8, Height: 8}, // below one unit
	}
	warmups := []Request{{Width: 16, Height: 16, Steps: 2}, {Width: 32, Height: 16, Steps: 1}, {Steps: 2}, {Width: 16, Height: 16}}
	outcomes := []Outcome{
		{Latency: 20 * time.Millisecond}, // 10 ms a unit
		{Latency: 60 * time.Millisecond}, // 30 ms a unit
		{Latency: time.Second},           // no size
		{Latency: time.Second, Err: errors.New("x")},
	}
	SetSLO(requests, warmups, outcomes, 3)
	var got []float64
	for _, r := range requests {
		if r.SLO == nil {
			got = append(got, -1)
			continue
		}
		got = append(got, math.Round(*r.SLO*1e6)/1e6)
	}
	if want := []float64{20 * 40 * 3, 1, -1, 20 * 3}; !slices.Equal(got, want) {
		t.Error(got, want)
	}
	nothing := []Request{{Width: 16, Height: 16}}
	SetSLO(nothing, nil, nil, 3)
	if nothing[0].SLO != nil {
		t.Error("a promise out of nothing")
	}
}

func TestSLOMet(t *testing.T) {
	c := valid()
	slo := 100.0
	for name, tc := range map[string]struct {
		slo  *float64
		out  Outcome
		want bool
	}{
		"in time":  {&slo, Outcome{Latency: 100 * time.Millisecond}, true},
		"late":     {&slo, Outcome{Latency: 101 * time.Millisecond}, false},
		"failed":   {&slo, Outcome{Err: errors.New("x")}, false},
		"no limit": {nil, Outcome{}, false},
	} {
		run := &Run{Config: &c, Send: func(context.Context, Request) Outcome { return tc.out }}
		out, _ := run.Measure(t.Context(), []Request{{SLO: tc.slo}})
		if out[0].SLOMet != tc.want {
			t.Errorf("%s: %v", name, out[0].SLOMet)
		}
	}
}
