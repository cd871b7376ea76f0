package otlp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
)

const (
	// flushEvery is how old the first span of a chunk gets at most before the chunk is sent, full or not.
	flushEvery = 250 * time.Millisecond
	// liveLimit is how long the end of a profile waits for the receiver at most: whoever stopped it wants an answer.
	liveLimit = 40 * time.Second
	// margin is left of a deadline for the report.
	margin = 2 * time.Second
)

// errPatience is why nothing is sent any more after a stop.
var errPatience = errors.New("the receiver took nothing for too long")

// sink sends one profile.
type sink struct {
	profile  profiler.Profile
	config   Config
	level    detail
	client   *client
	sender   *sender
	previous *report // of an export that was not completed; nil: none
	ctx      context.Context
	stop     context.CancelFunc // ends what runs beside
	beside   sync.WaitGroup
	once     sync.Once // the stop

	mu        sync.Mutex // guards what follows
	closed    bool
	processes map[*recording.Process]*process
	order     []*process
	last      *process // the one looked up last
	names     nameCache
	requests  places[string] // clients' traces, by request
	flows     places[uint64] // arrows that left, by number
	body      []byte         // of the span in the making
	counts    counts
	warnings  []string
}

// counts are of what the sink saw; the sender counts what became of it.
type counts struct {
	Spans      uint64 // recorded
	LeftOut    uint64 // of them finer than the level of detail
	Before     uint64 // of them delivered by an earlier export
	Events     uint64 // instants, recorded
	EventsLeft uint64 // of them finer than the level of detail, outside any span, or too many of one
	Counters   uint64 // samples, which traces have no place for
	Unlinked   uint64 // arrows whose other end is not known
}

func newSink(ctx context.Context, c Config, p profiler.Profile) (*sink, error) {
	cl, err := newClient(ctx, c, retries)
	if err != nil {
		return nil, err
	}
	s := &sink{
		profile: p, config: c, level: detailOf(c.Detail), client: cl, sender: newSender(cl, c.InFlight, c.MaxRequest),
		processes: map[*recording.Process]*process{}, names: nameCache{},
	}
	s.previous = unfinished(p, cl.endpoint, c.Detail)
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.beside.Go(s.tick)
	return s, nil
}

// tick sends chunks that have waited long enough.
func (s *sink) tick() {
	t := time.NewTicker(flushEvery / 2)
	defer t.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case now := <-t.C:
			s.mu.Lock()
			for _, p := range s.order {
				if p.open != nil && now.Sub(p.open.since) >= flushEvery/2 {
					_ = s.flush(s.ctx, p) // spans that are not sent are counted
				}
			}
			s.mu.Unlock()
		}
	}
}

// Consume implements profiler.Sink. It waits while the receiver takes nothing.
func (s *sink) Consume(ctx context.Context, b *recording.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("consume: the profile is finished")
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("consume events: %w", err)
	}
	p := s.process(b.Process)
	for i := range b.Events {
		if err := s.event(ctx, p, &b.Events[i]); err != nil {
			return err
		}
	}
	return nil
}

// process is the state of a recorded process, made when it is seen first.
func (s *sink) process(r *recording.Process) *process {
	if s.last != nil && s.last.recorded == r {
		return s.last
	}
	p, ok := s.processes[r]
	if !ok {
		p = s.newProcess(r)
		s.processes[r] = p
		s.order = append(s.order, p)
	}
	s.last = p
	return p
}

// track is the state of a recorded track.
func (s *sink) track(p *process, r *recording.Track) *track {
	if p.last != nil && p.last.recorded == r {
		return p.last
	}
	t, ok := p.tracks[r]
	if !ok {
		t = s.newTrack(p, r)
		p.tracks[r] = t
	}
	p.last = t
	return t
}

func (s *sink) event(ctx context.Context, p *process, e *recording.Event) error {
	switch e.Kind {
	case recording.Span:
		if e.Track != nil && e.Name != nil {
			return s.span(ctx, p, s.track(p, e.Track), e)
		}
	case recording.Instant:
		if e.Track != nil && e.Name != nil {
			s.instant(p, s.track(p, e.Track), e)
		}
	case recording.Counter:
		s.counts.Counters++
	case recording.FlowOut, recording.FlowIn:
		if e.Track != nil {
			s.arrow(p, s.track(p, e.Track), e)
		}
	}
	return nil
}

// span sends a span, unless it is too fine or was delivered before.
func (s *sink) span(ctx context.Context, p *process, t *track, e *recording.Event) error {
	s.counts.Spans++
	n := s.names.get(e.Name)
	if !e.Track.Device && s.profile.Filter.MinDuration <= 0 { // without short spans sums would be wrong
		t.flops = t.did.ended(e)
	}
	if wanted := t.wants(e.Seq); !wanted && n.level > s.level {
		s.counts.LeftOut++
		t.take(e.Seq, func([]byte) { s.counts.EventsLeft++ })
		return nil
	}
	t.want(e.Parent)
	if w := &e.Work; w.Correlation != 0 && e.Track.Calls {
		p.calls.put(w.Correlation, place{parent: spanOf(t.seed, e.Seq)})
	}
	number := t.n
	t.n++
	if t.before.has(number) {
		s.counts.Before++
		t.take(e.Seq, func([]byte) {})
		return nil
	}
	if s.sender.gone() {
		s.sender.lose(1)
		t.take(e.Seq, func([]byte) {})
		return nil
	}
	s.body = s.appendSpan(s.body[:0], p, t, e, n)
	return s.put(ctx, p, t, number)
}

// put adds the span in s.body to the process's chunk, and sends that when it is full.
func (s *sink) put(ctx context.Context, p *process, t *track, number uint64) error {
	if p.open != nil && p.open.size(len(s.body)) > int(s.sender.max.Load()) {
		if err := s.flush(ctx, p); err != nil {
			return err
		}
	}
	if p.open == nil {
		if deviceEvents(p.recorded) != p.devices { // facts may come late
			s.introduce(p)
		}
		p.open = s.sender.chunk(p.origin)
	}
	p.open.put(s.body, t, number)
	return nil
}

func (s *sink) flush(ctx context.Context, p *process) error {
	c := p.open
	if c == nil {
		return nil
	}
	p.open = nil
	return s.sender.put(ctx, c)
}

// instant keeps an event for the span around it.
func (s *sink) instant(p *process, t *track, e *recording.Event) {
	if s.joins(p, t, e) {
		return
	}
	s.counts.Events++
	if e.Parent == 0 || finest(e.Name.Category) > s.level || len(t.pending) == maxPending {
		s.counts.EventsLeft++
		return
	}
	from := len(t.texts)
	t.texts = s.names.appendInstant(t.texts, e)
	t.pending = append(t.pending, instant{e.Parent, from, len(t.texts)})
}

// Stopping implements profiler.Stopper: from now on waiting has an end.
func (s *sink) Stopping(ctx context.Context) {
	s.once.Do(func() { s.beside.Go(func() { s.watch(ctx) }) })
}

// watch gives up when the receiver has taken nothing for too long, and in any case before the stop's deadline.
func (s *sink) watch(ctx context.Context) {
	began := time.Now()
	last := began.Add(liveLimit)
	if len(s.profile.Processes) == 0 { // a recording of the past: nobody waits for it as for a stop
		last = began.Add(24 * time.Hour)
	}
	if d, ok := ctx.Deadline(); ok && d.Add(-margin).Before(last) {
		last = d.Add(-margin)
	}
	for {
		until := time.Unix(0, s.sender.moved.Load())
		if until.Before(began) {
			until = began
		}
		if until = until.Add(s.config.Patience); until.After(last) {
			until = last
		}
		wait := time.Until(until)
		if wait <= 0 {
			s.sender.giveUp(errPatience)
			return
		}
		select {
		case <-time.After(wait):
		case <-s.ctx.Done():
			return
		case <-ctx.Done():
			s.sender.giveUp(context.Cause(ctx))
			return
		}
	}
}

// Abort implements profiler.Aborter. There is nothing to remove.
func (s *sink) Abort(ctx context.Context) error {
	s.sender.giveUp(errors.New("the profile was abandoned"))
	s.end(ctx)
	return nil
}

// end waits for everything that runs beside, and closes the connection.
func (s *sink) end(ctx context.Context) tally {
	s.stop()
	s.beside.Wait()
	t := s.sender.close()
	if err := s.client.stop(ctx); err != nil && s.profile.Log != nil {
		s.profile.Log.Warn("close an OTLP connection", "error", err.Error())
	}
	return t
}
