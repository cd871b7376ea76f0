package chrome

import (
	"sync"
)

// blocksAhead is how many blocks of JSON wait for the writer at most. Together with the one in each process's hands and
// the one that is being compressed they are all the text that is in memory.
const blocksAhead = 4

// writer compresses blocks and adds them to the files, in the order in which they come, while the sink makes the next
// ones: JSON takes about as long as deflate. It is one goroutine, from newWriter to close.
type writer struct {
	pack   *packer
	jobs   chan job
	spare  chan []byte // buffers to be used again
	ended  chan struct{}
	closer sync.Once

	mu      sync.Mutex // guards what follows, and the processes' counts of what was written and dropped
	budget  budget
	err     error // the first one; nothing is written after it
	waiting int   // jobs that are not done
	idle    sync.Cond
}

// job is a block for one or several files.
type job struct {
	text   []byte
	files  [2]*gzFile // one may be nil
	of     *process   // whose events they are; nil: nobody counts them
	events uint64
	always bool // the bound on the files' size does not count: a file's head
	final  bool // of the end: taken if it fits, even when something before it did not
}

func newWriter(level int, limit int64) (*writer, error) {
	pack, err := newPacker(level)
	if err != nil {
		return nil, err
	}
	w := &writer{pack: pack, jobs: make(chan job, blocksAhead), spare: make(chan []byte, blocksAhead), ended: make(chan struct{}), budget: budget{limit: limit}}
	w.idle.L = &w.mu
	go w.run()
	return w, nil
}

func (w *writer) run() {
	defer close(w.ended)
	for j := range w.jobs {
		w.do(j)
		select {
		case w.spare <- j.text[:0]:
		default:
		}
	}
}

// put queues a block. The text is the writer's from now on. It waits when the writer is behind.
func (w *writer) put(j job) error {
	w.mu.Lock()
	err := w.err
	if err == nil {
		w.waiting++
	}
	w.mu.Unlock()
	if err == nil {
		w.jobs <- j
	}
	return err
}

// buffer is an empty one with about so much room.
func (w *writer) buffer(room int) []byte {
	select {
	case b := <-w.spare:
		if cap(b) >= room {
			return b
		}
	default:
	}
	return make([]byte, 0, room)
}

// do compresses a block once and adds it to its files, or drops it when there is no room.
func (w *writer) do(j job) {
	w.mu.Lock()
	failed := w.err != nil
	w.mu.Unlock()
	var b block
	var err error
	if !failed {
		b, err = w.pack.pack(j.text, false)
	}
	w.mu.Lock()
	bytes := int64(len(b.z))
	if j.files[1] != nil {
		bytes *= 2
	}
	fits := !failed && err == nil && (j.always || (j.final || !w.budget.full) && w.budget.fits(bytes))
	if fits {
		w.budget.used += bytes
	}
	w.mu.Unlock()
	if fits {
		for _, f := range j.files {
			if err == nil && f != nil {
				err = f.add(b)
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	if j.of != nil {
		if fits {
			j.of.written += j.events
		} else {
			j.of.dropped += j.events
		}
	}
	if w.waiting--; w.waiting == 0 {
		w.idle.Broadcast()
	}
}

// full tells whether nothing newer is taken.
func (w *writer) full() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.budget.full
}

// drop counts events of p that were left out because of the bound.
func (w *writer) drop(p *process, events int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.dropped += uint64(events)
}

// spend counts bytes that were written without the writer, and such as will be.
func (w *writer) spend(used, reserved int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.budget.used += used
	w.budget.reserved += reserved
}

// wait returns when everything that was put is in its files, with the first error. Until the next put the writer's
// packer and files are the caller's.
func (w *writer) wait() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.waiting > 0 {
		w.idle.Wait()
	}
	return w.err
}

// close ends the writer, once what was put is done. It may be called again.
func (w *writer) close() {
	w.closer.Do(func() { close(w.jobs) })
	<-w.ended
}
