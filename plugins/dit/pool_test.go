package dit

import (
	"strings"
	"sync/atomic"
	"testing"
)

type countTask struct {
	seen    []atomic.Int32
	workers int
	t       *testing.T
}

func (c *countTask) do(item, worker int) {
	if worker < 0 || worker >= c.workers {
		c.t.Errorf("worker %d of %d", worker, c.workers)
	}
	c.seen[item].Add(1)
}

func TestPoolDoesEveryItemOnce(t *testing.T) {
	for _, workers := range []int{1, 2, 5} {
		p := newPool(workers)
		for _, items := range []int{0, 1, 2, 7, 1000} {
			c := &countTask{seen: make([]atomic.Int32, items), workers: workers, t: t}
			p.run(items, c)
			for i := range c.seen {
				if n := c.seen[i].Load(); n != 1 {
					t.Errorf("%d workers did item %d of %d %d times", workers, i, items, n)
				}
			}
		}
		p.close()
		p.close() // twice is safe
	}
}

type panicTask struct{}

func (panicTask) do(item, _ int) {
	if item == 40 {
		panic("item 40")
	}
}

// TestPoolPanics: a panic on a worker reaches the caller, and the pool goes on.
func TestPoolPanics(t *testing.T) {
	p := newPool(3)
	defer p.close()
	for range 20 {
		func() {
			defer func() {
				if e, ok := recover().(error); !ok || !strings.Contains(e.Error(), "item 40") {
					t.Errorf("recovered %v", e)
				}
			}()
			p.run(100, panicTask{})
			t.Error("no panic")
		}()
	}
	c := &countTask{seen: make([]atomic.Int32, 9), workers: 3, t: t}
	p.run(9, c)
}
