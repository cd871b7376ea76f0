package otlp

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// grace is what uploads in flight get when nothing more is sent: of one that is cut off nobody knows whether the receiver has it.
const grace = time.Second

// leastWhenSlow is the smallest that uploads become because the receiver, or the way to it, is too slow for larger ones.
const leastWhenSlow = 64 << 10

// pause is what an upload that nobody took waits before the next attempt, beyond what the client waited.
const pause = 200 * time.Millisecond

// sender uploads chunks, several at once, until it is closed or gives up. A chunk that the receiver does not take now is kept
// and tried again, so that whoever hands over the next one waits.
type sender struct {
	client  *client
	jobs    chan *chunk
	spare   chan *chunk
	max     atomic.Int64    // bytes of an upload
	moved   atomic.Int64    // when the receiver last took something, ns
	ctx     context.Context // ends when nothing more is to be sent
	giveUp  context.CancelCauseFunc
	wire    context.Context // of uploads: ends a grace later
	cut     context.CancelFunc
	workers sync.WaitGroup
	closer  sync.Once

	mu    sync.Mutex // guards what follows, and what the tracks say of their spans
	tally tally
}

// tally counts spans by what became of them.
type tally struct {
	sent        uint64 // taken by the receiver
	rejected    uint64 // refused by a receiver that took the rest of the upload
	tooLarge    uint64 // larger than the receiver takes
	undelivered uint64
	uploads     uint64
	bytes       uint64 // before compression
	unanswered  uint64 // in uploads that nobody answered: the receiver may have them although they count as not sent, or more than once
	problem     string // the last one
	notice      string // what the receiver said to a partial success
}

// newSender starts as many uploaders as uploads may be in flight.
func newSender(c *client, inFlight, maxRequest int) *sender {
	s := &sender{client: c, jobs: make(chan *chunk), spare: make(chan *chunk, 2*inFlight)}
	s.max.Store(int64(maxRequest))
	s.moved.Store(time.Now().UnixNano())
	s.ctx, s.giveUp = context.WithCancelCause(context.Background())
	s.wire, s.cut = context.WithCancel(context.Background())
	context.AfterFunc(s.ctx, func() { time.AfterFunc(grace, s.cut) })
	for range inFlight {
		s.workers.Go(func() {
			for c := range s.jobs {
				s.deliver(c)
				c.reset()
				select {
				case s.spare <- c:
				default:
				}
			}
		})
	}
	return s
}

// chunk is an empty one.
func (s *sender) chunk(from *origin) *chunk {
	var c *chunk
	select {
	case c = <-s.spare:
	default:
		c = &chunk{}
	}
	c.from, c.since = from, time.Now()
	return c
}

// put hands a chunk over. It waits while all uploads are busy, until the sender gives up or ctx ends.
func (s *sender) put(ctx context.Context, c *chunk) error {
	select {
	case s.jobs <- c:
	case <-s.ctx.Done():
		s.lose(len(c.spans))
	case <-ctx.Done():
		s.lose(len(c.spans))
		return fmt.Errorf("wait for the receiver: %w", context.Cause(ctx))
	}
	return nil
}

// gone tells that nothing is sent any more.
func (s *sender) gone() bool { return s.ctx.Err() != nil }

// lose counts spans that are not sent.
func (s *sender) lose(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.undelivered += uint64(n)
}

// deliver sends a chunk, in as many uploads as the receiver needs.
func (s *sender) deliver(c *chunk) {
	doubted := 0 // spans before it that were not answered are counted
	for from := 0; from < len(c.spans); {
		if s.gone() {
			s.lose(len(c.spans) - from)
			return
		}
		to := c.fit(from, int(s.max.Load()))
		raw := c.raw[c.begin(from):c.spans[to-1].end]
		v, r, limit, err := s.client.upload(s.wire, c.from.spans(raw))
		if r.unanswered && to > doubted {
			s.doubt(to - max(from, doubted))
			doubted = to
		}
		switch v {
		case taken:
			s.took(c, from, to, r, len(raw))
		case again:
			s.note(err)
			if r.unanswered && status.Code(rpcError(err)) == codes.DeadlineExceeded {
				s.shrink(max(c.from.bytes+len(raw), 2*leastWhenSlow), 0)
			}
			s.wait()
			continue
		case tooLarge:
			if to-from > 1 {
				s.shrink(c.from.bytes+len(raw), limit)
				continue
			}
			s.drop(c, from, err)
		case refused:
			s.note(err)
			s.lose(to - from)
		}
		from = to
	}
}

// took counts spans that the receiver has. Those that it rejected are among them: they are not sent again.
func (s *sender) took(c *chunk, from, to int, r reply, bytes int) {
	s.moved.Store(time.Now().UnixNano())
	s.mu.Lock()
	defer s.mu.Unlock()
	rejected := uint64(min(max(0, r.rejected), int64(to-from)))
	s.tally.uploads++
	s.tally.bytes += uint64(bytes)
	s.tally.sent += uint64(to-from) - rejected
	s.tally.rejected += rejected
	if r.message != "" {
		s.tally.notice = r.message
	}
	for i := from; i < to; i++ {
		c.spans[i].track.delivered.add(c.spans[i].n)
	}
}

// doubt counts spans of which nobody said whether the receiver has them.
func (s *sender) doubt(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.unanswered += uint64(n)
}

// drop counts one span that is larger than the receiver takes: it never will.
func (s *sender) drop(c *chunk, i int, err error) {
	s.note(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.tooLarge++
	c.spans[i].track.delivered.add(c.spans[i].n)
}

func (s *sender) note(err error) {
	if err == nil || s.gone() && status.Code(rpcError(err)) != codes.Unavailable {
		return // what it says is that this side went
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.problem = problem(err)
}

// shrink makes uploads smaller than one of so many bytes that was too large; limit is the receiver's, 0 when unknown.
func (s *sender) shrink(bytes, limit int) {
	next := int64(bytes / 2)
	if limit > 0 && limit < bytes {
		next = int64(limit)
	}
	for {
		old := s.max.Load()
		if old <= next || s.max.CompareAndSwap(old, next) {
			return
		}
	}
}

func (s *sender) wait() {
	select {
	case <-time.After(pause):
	case <-s.ctx.Done():
	}
}

// close waits until everything that was put is sent or given up.
func (s *sender) close() tally {
	s.closer.Do(func() { close(s.jobs) })
	s.workers.Wait()
	s.cut()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone() && s.tally.problem == "" {
		s.tally.problem = context.Cause(s.ctx).Error()
	}
	return s.tally
}
