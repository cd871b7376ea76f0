package profile_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/profile"
)

// 32 clients start, stop, delete, list and count at random: never are two profiles active, every answer is a documented
// one, and in the end nothing is left behind.
func TestHammer(t *testing.T) {
	c := coretest.New(t, coretest.Options{Replicas: 2, Log: warnings(t), Profile: func(o *profile.Options) { o.Keep = 5 }})
	allowed := map[profile.Code]bool{profile.CodeActive: true, profile.CodeNoActive: true, profile.CodeNotFound: true, profile.CodeCancelled: true}
	check := func(err error) {
		if err == nil {
			return
		}
		if e, ok := profile.AsError(err); !ok || !allowed[e.Code] {
			t.Errorf("error %v", err)
		}
	}
	c.Exporters["chrome"].OnFinish = func(context.Context, wireFinish) error {
		time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond)
		return nil
	}
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 60 {
				act(t, c, check)
			}
		})
	}
	wg.Wait()
	if v, ok := c.Profiles.Active(); ok {
		stop(t, c, v.ID)
	}
	s := c.Profiles.Stats()
	if s.Totals.Started == 0 || s.Totals.Complete+s.Totals.Failed != s.Totals.Started || s.Totals.Failed != 0 {
		t.Errorf("totals %+v", s.Totals)
	}
	if opens, finishes := len(c.Exporters["chrome"].Opens()), len(c.Exporters["chrome"].Finishes()); uint64(finishes) != s.Totals.Started || opens < finishes {
		t.Errorf("%d opened, %d finished, %d started", opens, finishes, s.Totals.Started)
	}
	if n := len(c.Profiles.List()); n > 5 {
		t.Errorf("%d profiles are kept", n)
	}
	if err := c.Profiles.Close(t.Context()); err != nil {
		t.Error(err)
	}
	nothingLeft(t, c)
}

// warnings is a log of what went wrong, which a failed test shows.
func warnings(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// act does one thing at random.
func act(t *testing.T, c *coretest.Core, check func(error)) {
	m := c.Profiles
	ctx := t.Context()
	if rand.IntN(4) == 0 {
		short, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(2000))*time.Microsecond)
		defer cancel()
		ctx = short
	}
	some := ""
	list := m.List()
	if len(list) > 0 && rand.IntN(2) == 0 {
		some = list[rand.IntN(len(list))].ID
	}
	active := 0
	for _, v := range list {
		if !v.State.Final() {
			active++
		}
	}
	if active > 1 {
		t.Errorf("%d profiles are active", active)
	}
	switch rand.IntN(8) {
	case 0, 1, 2:
		_, err := m.Start(ctx, profile.StartRequest{NumRequests: rand.IntN(5), Duration: time.Duration(rand.IntN(3)) * time.Millisecond})
		check(err)
	case 3, 4:
		v, err := m.Stop(ctx, some)
		check(err)
		if err == nil && ctx.Err() == nil && !v.State.Final() {
			t.Errorf("stop answered with a profile that is %s", v.State)
		}
	case 5:
		if some != "" {
			check(m.Delete(some))
		}
	case 6:
		m.CountRequest()
		m.Uncollected()
	default:
		if some != "" {
			_, err := m.Get(some)
			check(err)
			m.Stats()
		}
	}
}
