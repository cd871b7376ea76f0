package catalog

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// closer ends something within ctx.
type closer interface {
	Close(ctx context.Context) error
}

// closers are what was started, kept from the moment it runs so that no failure leaves a process behind.
type closers struct {
	mu  sync.Mutex
	all []closer
}

func (c *closers) add(x closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, x)
}

// remove forgets x, which somebody else ends.
func (c *closers) remove(x closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.all, x); i >= 0 {
		c.all = slices.Delete(c.all, i, i+1)
	}
}

// close ends all at once, side by side: their patience is one ctx. It may be called again.
func (c *closers) close(ctx context.Context) error {
	c.mu.Lock()
	all := c.all
	c.all = nil
	c.mu.Unlock()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, x := range all {
		wg.Go(func() { errs[i] = x.Close(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
