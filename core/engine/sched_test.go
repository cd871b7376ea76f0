package engine_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strobe-dev/strobe/core/coretest"
	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/sdk/model"
)

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// slow makes ranks of the first stage whose requests take a second: 4 steps of 250 ms.
func slow(n int) []*coretest.Rank {
	var ranks []*coretest.Rank
	for i := range n {
		r := coretest.NewRank(0, "diffusion", i)
		r.Step = 250 * time.Millisecond
		ranks = append(ranks, r)
	}
	return ranks
}

// crowd runs requests in a bubble and keeps in which order they ended.
type crowd struct {
	e     *engine.Engine
	wg    sync.WaitGroup
	mu    sync.Mutex
	order []int
	errs  map[int]error
}

func (c *crowd) send(ctx context.Context, i int) {
	c.wg.Go(func() {
		_, err := c.e.Generate(ctx, nil, &model.Request{}, nil)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.order = append(c.order, i)
		if c.errs == nil {
			c.errs = map[int]error{}
		}
		c.errs[i] = err
	})
	synctest.Wait()
}

func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{e: engine.New("emoji", []engine.Stage{coretest.Diffusion(slow(1)...)}, engine.Options{QueueSize: 5})}
		began := time.Now()
		for i := range 6 {
			c.send(t.Context(), i)
		}
		if s := c.e.Stats(); s.Queue != 5 || s.InFlight != 1 || s.Stages[0].Waiting != 5 || s.Stages[0].Busy != 1 {
			t.Errorf("stats %+v", s)
		}
		c.wg.Wait()
		if want := []int{0, 1, 2, 3, 4, 5}; !slices.Equal(c.order, want) || time.Since(began) != 6*time.Second {
			t.Errorf("order %v after %v", c.order, time.Since(began))
		}
	})
}

func TestQueueFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{e: engine.New("emoji", []engine.Stage{coretest.Diffusion(slow(1)...)}, engine.Options{QueueSize: 8})}
		c.send(t.Context(), 100) // so that the engine knows how long one takes
		c.wg.Wait()
		for i := range 9 {
			c.send(t.Context(), i)
		}
		_, err := c.e.Generate(t.Context(), nil, &model.Request{}, nil)
		var full *engine.QueueFullError
		if !errors.As(err, &full) || full.Waiting != 8 || full.RetryAfter < 4*time.Second || full.RetryAfter > 5*time.Second {
			t.Errorf("error %v", err)
		}
		c.wg.Wait()
		if s := c.e.Stats(); s.Totals.OK != 10 || s.Totals.QueueFull != 1 || s.Admitted != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestNoQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{e: engine.New("emoji", []engine.Stage{coretest.Diffusion(slow(2)...)}, engine.Options{})}
		for i := range 3 {
			c.send(t.Context(), i)
		}
		c.wg.Wait()
		var full *engine.QueueFullError
		if !errors.As(c.errs[2], &full) || full.RetryAfter != time.Second || c.errs[0] != nil || c.errs[1] != nil {
			t.Errorf("errors %v", c.errs)
		}
	})
}

// A slow last stage must not let requests pile up behind a fast first one.
func TestLaterStagesCountAsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fast, last := coretest.NewRank(0, "diffusion", 0), coretest.NewRank(1, "resize", 0)
		last.Step = time.Second
		e := engine.New("emoji", []engine.Stage{coretest.Diffusion(fast), coretest.Resize(last)}, engine.Options{QueueSize: 2})
		c := &crowd{e: e}
		for i := range 10 {
			c.send(t.Context(), i)
		}
		if s := e.Stats(); s.Admitted > 1+2+1 || s.Stages[1].Waiting < 2 {
			t.Errorf("stats %+v", s)
		}
		c.wg.Wait()
		if s := e.Stats(); s.Totals.OK != 4 || s.Totals.QueueFull != 6 {
			t.Errorf("totals %+v", s.Totals)
		}
	})
}

func TestLeastLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ranks := slow(3)
		c := &crowd{e: engine.New("emoji", []engine.Stage{coretest.Diffusion(ranks...)}, engine.Options{QueueSize: 9})}
		began := time.Now()
		for i := range 9 {
			c.send(t.Context(), i)
		}
		c.wg.Wait()
		for _, r := range ranks {
			if r.Served() != 3 {
				t.Errorf("rank %d served %d of 9", r.Index, r.Served())
			}
		}
		if time.Since(began) != 3*time.Second {
			t.Errorf("took %v", time.Since(began))
		}
		for range 3 { // one at a time they take turns too
			c.send(t.Context(), 0)
			c.wg.Wait()
		}
		for _, r := range ranks {
			if r.Served() != 4 {
				t.Errorf("rank %d served %d of 12", r.Index, r.Served())
			}
		}
	})
}

func TestDeadRanksArePassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ranks := slow(2)
		ranks[0].SetDown(coretest.ErrDied)
		c := &crowd{e: engine.New("emoji", []engine.Stage{coretest.Diffusion(ranks...)}, engine.Options{QueueSize: 9})}
		for i := range 3 {
			c.send(t.Context(), i)
		}
		if s := c.e.Stats(); s.Stages[0].RanksUp != 1 || s.Queue != 2 {
			t.Errorf("stats %+v", s)
		}
		ranks[0].SetDown(nil) // it comes back: the queue moves on with the next request
		c.send(t.Context(), 3)
		c.wg.Wait()
		for i, err := range c.errs {
			if err != nil {
				t.Errorf("request %d: %v", i, err)
			}
		}
		if ranks[0].Served() == 0 {
			t.Error("the rank that came back served nothing")
		}
	})
}

// When the last rank dies, its request fails and those that wait hear why, at once.
func TestAllRanksDieWithAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ranks := slow(2)
		for _, r := range ranks {
			r.OnGenerate = func(ctx context.Context, _ *model.Request, _ func(model.Progress)) (*model.Result, error) {
				time.Sleep(time.Second)
				r.SetDown(coretest.ErrDied)
				return nil, coretest.ErrDied
			}
		}
		c := &crowd{e: engine.New("emoji", []engine.Stage{coretest.Diffusion(ranks...)}, engine.Options{QueueSize: 9})}
		began := time.Now()
		for i := range 5 {
			c.send(t.Context(), i)
		}
		c.wg.Wait()
		for i, err := range c.errs {
			var re *engine.RankError
			if !errors.As(err, &re) || re.Stage != "diffusion" || (i >= 2) != (re.Rank == -1) || !errors.Is(err, coretest.ErrDied) {
				t.Errorf("request %d: %v", i, err)
			}
		}
		if time.Since(began) != time.Second {
			t.Errorf("took %v", time.Since(began))
		}
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{e: engine.New("emoji", []engine.Stage{coretest.Diffusion(slow(1)...)}, engine.Options{QueueSize: 9, Timeout: 1600 * time.Millisecond})}
		began := time.Now()
		for i := range 3 {
			c.send(t.Context(), i)
		}
		c.wg.Wait()
		if c.errs[0] != nil || !errors.Is(c.errs[1], engine.ErrTimeout) || !errors.Is(c.errs[2], engine.ErrTimeout) {
			t.Errorf("errors %v", c.errs)
		}
		if time.Since(began) != 1600*time.Millisecond {
			t.Errorf("took %v", time.Since(began))
		}
		if s := c.e.Stats(); s.Admitted != 0 || s.Queue != 0 || s.Totals.Timeout != 2 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestDisconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{e: engine.New("emoji", []engine.Stage{coretest.Diffusion(slow(1)...)}, engine.Options{QueueSize: 2})}
		running, stopRunning := context.WithCancel(t.Context())
		waiting, stopWaiting := context.WithCancel(t.Context())
		c.send(running, 0)
		c.send(waiting, 1)
		c.send(t.Context(), 2)
		stopWaiting()
		synctest.Wait()
		if s := c.e.Stats(); s.Queue != 1 {
			t.Errorf("the queue's slot was not freed: %+v", s)
		}
		began := time.Now()
		stopRunning()
		c.wg.Wait()
		if !errors.Is(c.errs[0], context.Canceled) || !errors.Is(c.errs[1], context.Canceled) || c.errs[2] != nil {
			t.Errorf("errors %v", c.errs)
		}
		if time.Since(began) != time.Second { // the third began at once
			t.Errorf("took %v", time.Since(began))
		}
		if s := c.e.Stats(); s.Totals.Cancelled != 2 || s.Totals.OK != 1 || s.Admitted != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{e: engine.New("emoji", []engine.Stage{coretest.Diffusion(slow(1)...)}, engine.Options{QueueSize: 9})}
		c.send(t.Context(), 0)
		c.send(t.Context(), 1)
		closed := make(chan error)
		go func() { closed <- c.e.Close(t.Context()) }()
		synctest.Wait()
		if _, err := c.e.Generate(t.Context(), nil, &model.Request{}, nil); !errors.Is(err, engine.ErrDraining) {
			t.Errorf("a new request while draining: %v", err)
		}
		if err := <-closed; err != nil || c.e.Stats().Totals.OK != 2 {
			t.Errorf("close: %v; %+v", err, c.e.Stats())
		}
		if err := c.e.Close(t.Context()); err != nil {
			t.Errorf("second close: %v", err)
		}
	})
}

func TestCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{e: engine.New("emoji", []engine.Stage{coretest.Diffusion(slow(1)...)}, engine.Options{QueueSize: 9})}
		c.send(t.Context(), 0)
		c.send(t.Context(), 1)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := c.e.Close(ctx)
		var de *engine.DrainError
		if !errors.As(err, &de) || de.Cancelled != 2 || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 300*time.Millisecond {
			t.Errorf("close: %v after %v", err, time.Since(began))
		}
		c.wg.Wait()
		if !errors.Is(c.errs[0], engine.ErrDraining) || !errors.Is(c.errs[1], engine.ErrDraining) {
			t.Errorf("errors %v", c.errs)
		}
	})
}

// Many clients, some of which leave, on a few ranks: every request is answered once and nothing is left behind.
func TestHammer(t *testing.T) {
	ranks := []*coretest.Rank{coretest.NewRank(0, "diffusion", 0), coretest.NewRank(0, "diffusion", 1)}
	for _, r := range ranks {
		r.Step = 50 * time.Microsecond
		var busy sync.Mutex
		r.OnGenerate = func(ctx context.Context, req *model.Request, progress func(model.Progress)) (*model.Result, error) {
			if !busy.TryLock() {
				t.Error("a rank got two requests at a time")
			}
			defer busy.Unlock()
			select {
			case <-time.After(100 * time.Microsecond):
				return &model.Result{Images: []model.Image{coretest.Image(32, 32)}}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
	resize := coretest.NewRank(1, "resize", 0)
	resize.Steps = 0
	e := engine.New("emoji", []engine.Stage{coretest.Diffusion(ranks...), coretest.Resize(resize)}, engine.Options{QueueSize: 8})
	const clients, each = 32, 50
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for j := range each {
				ctx, cancel := context.WithCancel(t.Context())
				if (i+j)%3 == 0 {
					time.AfterFunc(time.Duration(j)*20*time.Microsecond, cancel)
				}
				e.Generate(ctx, nil, &model.Request{Size: model.Size{Width: 8, Height: 8}}, nil)
				cancel()
				e.Stats()
			}
		})
	}
	wg.Wait()
	s := e.Stats()
	sum := s.Totals.OK + s.Totals.QueueFull + s.Totals.Cancelled
	if sum != clients*each || s.Totals.OK == 0 || s.Admitted != 0 || s.Queue != 0 || s.Stages[0].Busy+s.Stages[1].Busy != 0 {
		t.Errorf("stats %+v", s)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
