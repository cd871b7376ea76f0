package dit

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// task is work in independent items. do may be called from several goroutines, each with its own worker index.
type task interface{ do(item, worker int) }

// pool runs tasks on a fixed number of goroutines, of which the caller of run is worker 0. It does not allocate per run.
// One run at a time.
type pool struct {
	workers int
	wake    []chan struct{} // one a worker, from worker 1
	task    task
	items   int
	next    atomic.Int64
	pending sync.WaitGroup // workers still in this run
	alive   sync.WaitGroup // goroutines
	failed  atomic.Pointer[workerPanic]
}

// workerPanic carries a worker's panic to the caller of run, where the host can catch it: a panic in a bare goroutine ends the process.
type workerPanic struct {
	value any
	stack []byte
}

func (p *workerPanic) Error() string { return fmt.Sprintf("%v\n%s", p.value, p.stack) }

// newPool starts workers-1 goroutines; close ends them.
func newPool(workers int) *pool {
	p := &pool{workers: workers}
	for w := 1; w < workers; w++ {
		c := make(chan struct{}, 1)
		p.wake = append(p.wake, c)
		p.alive.Add(1)
		go func() {
			defer p.alive.Done()
			for range c {
				p.guarded(w)
			}
		}()
	}
	return p
}

// run does items 0..items-1 of t and returns when all are done.
func (p *pool) run(items int, t task) {
	helpers := min(p.workers, items) - 1
	if helpers <= 0 {
		for i := range items {
			t.do(i, 0)
		}
		return
	}
	p.task, p.items = t, items
	p.next.Store(0)
	p.pending.Add(helpers)
	for i := range helpers {
		p.wake[i] <- struct{}{}
	}
	p.catch(0)
	p.pending.Wait()
	p.task = nil
	if f := p.failed.Swap(nil); f != nil {
		panic(f)
	}
}

func (p *pool) guarded(worker int) {
	defer p.pending.Done()
	p.catch(worker)
}

func (p *pool) catch(worker int) {
	defer func() {
		if v := recover(); v != nil {
			p.failed.Store(&workerPanic{v, debug.Stack()})
			p.next.Store(int64(p.items)) // no use in doing the rest
		}
	}()
	for {
		i := int(p.next.Add(1)) - 1
		if i >= p.items {
			return
		}
		p.task.do(i, worker)
	}
}

// close ends the goroutines and waits for them.
func (p *pool) close() {
	for _, c := range p.wake {
		close(c)
	}
	p.wake = nil
	p.alive.Wait()
}
