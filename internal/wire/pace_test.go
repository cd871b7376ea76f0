package wire

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// An export uses its share while others use the processors, and goes on at once when they do not.
func TestPace(t *testing.T) {
	const processors, batch = 4, 10 * time.Millisecond
	for _, tt := range []struct {
		name    string
		others  float64 // processors that they use
		unknown bool
		batches int // done within ten seconds, at least and at most
		most    int
	}{
		{name: "idle", others: 0, batches: 1000, most: 1000},
		{name: "little is used", others: 0.9, batches: 1000, most: 1000},
		{name: "busy", others: 1.1, batches: 45, most: 55},
		{name: "all is used", others: 4, batches: 45, most: 55},
		{name: "nothing is known", unknown: true, batches: 1000, most: 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var own time.Duration
				p := &pace{processors: processors, at: began, own: func() time.Duration { return own }}
				p.all = func() (time.Duration, bool) {
					return own + time.Duration(tt.others*float64(time.Since(began))), !tt.unknown
				}
				n := 0
				for ; time.Since(began) < 10*time.Second; n++ {
					time.Sleep(batch)
					own += batch
					p.wait(t.Context())
				}
				if n < tt.batches || n > tt.most {
					t.Errorf("%d batches", n)
				}
			})
		})
	}
}

// Others come and go.
func TestPaceChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var own, others time.Duration
		p := &pace{processors: 2, at: began, own: func() time.Duration { return own }}
		p.all = func() (time.Duration, bool) { // they leave after five seconds
			others = min(2*time.Since(began), 10*time.Second)
			return own + others, true
		}
		time.Sleep(paceLook)
		p.wait(t.Context())
		own += time.Second // fifty seconds' share
		p.wait(t.Context())
		if took := time.Since(began); took < 5*time.Second || took > 5*time.Second+2*paceLook {
			t.Errorf("it paused until %v", took)
		}
	})
}

func TestPaceEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := &pace{processors: 1, crowded: true, at: time.Now(), since: time.Now(), own: func() time.Duration { return time.Hour }}
	p.wait(ctx)
}

func TestProcessorTimes(t *testing.T) {
	p := newPace()
	for began := time.Now(); time.Since(began) < 30*time.Millisecond; {
	}
	if own := p.own() - p.ownAt; own <= 0 || own > time.Minute {
		t.Errorf("%v of this process", own)
	}
	all, ok := p.all()
	if ok != (runtime.GOOS == "linux") || ok && all < p.own() {
		t.Errorf("%v of the machine, %v", all, ok)
	}
}
