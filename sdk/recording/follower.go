package recording

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Options of a follower. The zero value is usable.
type Options struct {
	BatchEvents int // largest number of events in a batch; 4,096 when zero
	// MaxMemory is how many bytes names, clock pairs, tracks and open spans of all processes may take; 64 MiB when zero.
	// What is beyond is passed over and counted in [Losses].Corrupt; a name then is shown as name#17.
	MaxMemory int64
	// Since leaves out what was over before, in ns since 1970-01-01 UTC: spans by their end, other events by their time.
	// 0 leaves nothing out.
	Since int64
	// Filter leaves out more.
	Filter Filter
}

// Follower reads a growing, or a finished, recording folder: every *.seg file in it, new ones as they appear. It is not
// safe for concurrent use.
//
// All processes of one machine are put on core's clock when core is among them. A live follower delivers an event when
// core's next clock pair is there, at most a fraction of a second later. In a folder without core it delivers nothing for
// the first second, in case core is late; then each process is on its own clock.
type Follower struct {
	dir     string
	options Options
	filter  filter
	sources map[string]*source
	procs   []*process
	broken  map[string]error // files that are no segments
	since   time.Time        // when the first process was seen
	ending  bool
	err     error // of the consumer: nothing is delivered after it
	taken   int64 // bytes, against Options.MaxMemory
	out     *batch
	buf     []byte // of a chunk that is read
	metaBuf []byte // of a meta chunk: one is read while another chunk is
}

// coreGrace is how long a live follower waits for core's segment before it uses a process's own clock pairs.
const coreGrace = time.Second

// Follow makes a follower. It does no I/O.
func Follow(dir string, o Options) *Follower {
	if o.BatchEvents <= 0 {
		o.BatchEvents = 4096
	}
	if o.MaxMemory <= 0 {
		o.MaxMemory = 64 << 20
	}
	return &Follower{dir: dir, options: o, filter: newFilter(o.Filter), sources: map[string]*source{}, broken: map[string]error{}}
}

// Poll reads what is there and calls f with batches; it returns how many events it delivered when nothing more can be
// delivered now. A batch is valid until f returns. When f fails, its error comes back now and from every later call.
func (f *Follower) Poll(ctx context.Context, fn func(*Batch) error) (n int, err error) {
	if f.err != nil {
		return 0, f.err
	}
	if err := f.look(); err != nil {
		return 0, err
	}
	for {
		k, more, err := f.round(ctx, fn)
		n += k
		if err != nil || k == 0 && !more {
			return n, err
		}
	}
}

// Finish reads the rest of a recording that has stopped, delivers the spans that are still open, marked Open, and
// returns one summary a process, core first, then by stage and rank. Files named in want that are not there, or cannot
// be read, have a summary with an Error.
func (f *Follower) Finish(ctx context.Context, fn func(*Batch) error, want ...string) ([]Summary, error) {
	if f.err != nil {
		return nil, f.err
	}
	f.ending = true
	if err := f.look(); err != nil {
		return nil, err
	}
	for _, p := range f.procs {
		p.readPairs()
		p.limit = math.MaxUint64 // before the ends are read: the last of them lie behind core's last clock pair
	}
	for {
		n, more, err := f.round(ctx, fn)
		if err != nil {
			return nil, err
		}
		if n == 0 && !more && !f.advance() {
			break
		}
	}
	for _, p := range f.procs {
		p.out.begin(p.pub, fn)
		p.finish()
		if f.err = p.out.err; f.err != nil {
			return nil, f.err
		}
	}
	return f.summaries(want), nil
}

// Close closes the files.
func (f *Follower) Close() error {
	var errs []error
	for _, s := range f.sources {
		errs = append(errs, s.f.Close())
	}
	clear(f.sources)
	f.procs = nil
	f.err = errors.Join(f.err, os.ErrClosed)
	return errors.Join(errs...)
}

// Read is Follow and Finish over a finished folder.
func Read(ctx context.Context, dir string, fn func(*Batch) error) ([]Summary, error) {
	f := Follow(dir, Options{})
	defer f.Close()
	return f.Finish(ctx, fn)
}

// take accounts for memory that is kept. It reports false when there is no room: the caller passes over what it is for.
func (f *Follower) take(n int) bool {
	if f.taken+int64(n) > f.options.MaxMemory {
		return false
	}
	f.taken += int64(n)
	return true
}

// look finds new segments.
func (f *Follower) look() error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if filepath.Ext(name) != ".seg" || f.sources[name] != nil || !e.Type().IsRegular() {
			continue
		}
		s, err := openSource(f.dir, name)
		if err != nil {
			f.broken[name] = err // tried again: it may be in the making
			continue
		}
		delete(f.broken, name)
		f.sources[name] = s
		f.process(s.header).add(s)
	}
	return nil
}

// process finds or makes the process of a header.
func (f *Follower) process(h *segment.Header) *process {
	key := keyOf(h)
	for _, p := range f.procs {
		if p.key == key {
			return p
		}
	}
	if f.since.IsZero() {
		f.since = time.Now()
	}
	p := newProcess(f, h)
	i, _ := slices.BinarySearchFunc(f.procs, p, func(a, b *process) int { return compareKeys(a.key, b.key) })
	f.procs = slices.Insert(f.procs, i, p)
	return p
}

// compareKeys puts core first, then stages and ranks in order.
func compareKeys(a, b processKey) int {
	for _, d := range [...]int{
		int(a.kind) - int(b.kind), int(a.stage) - int(b.stage), int(a.rank) - int(b.rank), strings.Compare(a.name, b.name),
	} {
		if d != 0 {
			return d
		}
	}
	return 1
}

// round reads every process once. It returns the number of events delivered, and whether the next round will have more
// even if nothing is written.
func (f *Follower) round(ctx context.Context, fn func(*Batch) error) (n int, more bool, err error) {
	for _, p := range f.procs {
		s := p.sources[p.active]
		s.begun = true
		for _, t := range p.order {
			t.readEnds(s)
		}
		s.readMeta()
		frozen := s.frozen // before the tracks are read: then what is read is all there is
		if !f.setClock(p) {
			continue
		}
		p.out.begin(p.pub, fn)
		for _, t := range p.order {
			if err = ctx.Err(); err != nil {
				return n, false, err
			}
			t.at.read(s, p.buf, t)
			more = t.settle() || more
		}
		p.out.flush()
		n += p.out.sent
		if f.err = p.out.err; f.err != nil {
			return n, false, f.err
		}
		if frozen {
			more = p.advance() || more
		}
	}
	return n, more, nil
}

// setClock decides what a process's ticks are converted with, and how far they can be now.
func (f *Follower) setClock(p *process) bool {
	if p.clock == nil {
		p.clock = f.clockOf(p)
	}
	if p.clock == nil {
		return false
	}
	p.limit = math.MaxUint64
	if !f.ending {
		p.limit, _ = p.clock.last()
	}
	return true
}

// clockOf is core's clock for everything on core's machine, else the process's own; nil when that is not known yet.
func (f *Follower) clockOf(p *process) *clock {
	if p.pub.Kind != trace.ProcessCore {
		for _, core := range f.procs {
			if core.pub.Kind == trace.ProcessCore && shared(core.sources[0].header, p.sources[0].header) {
				if len(core.own.pairs) > 0 {
					return &core.own
				}
				if !f.ending {
					return nil
				}
			}
		}
		if !f.ending && time.Since(f.since) < coreGrace {
			return nil
		}
	}
	return &p.own
}

// advance goes on to the next segment of a process when the active one is read. Nothing may be added to it any more.
func (p *process) advance() bool {
	if p.active+1 >= len(p.sources) {
		return false
	}
	for _, t := range p.order {
		if len(t.at.queue) > 1 || t.at.blocked {
			return false
		}
	}
	for _, t := range p.order {
		t.leave(p.sources[p.active])
	}
	p.active++
	return true
}

// advance goes on to the next segments, at the end.
func (f *Follower) advance() (any bool) {
	for _, p := range f.procs {
		any = p.advance() || any
	}
	return any
}

// summaries has a row for each process, and one for each file that is missing or cannot be read.
func (f *Follower) summaries(want []string) []Summary {
	var all []Summary
	for _, p := range f.procs {
		s := Summary{Process: p.pub, Events: p.events, Filtered: p.filtered, Open: p.open, Lost: Losses{Corrupt: p.corrupt, Unknown: p.later}, Recorded: p.own.span()}
		for _, src := range p.sources {
			s.Bytes += src.bytes()
			s.Lost.add(src.losses())
			if src.err != nil && s.Error == "" {
				s.Error = src.err.Error()
			}
		}
		all = append(all, s)
	}
	bad := map[string]string{}
	for name, err := range f.broken {
		bad[name] = fmt.Sprintf("read segment %s: %v", name, err)
	}
	for _, name := range want {
		if f.sources[name] == nil && bad[name] == "" {
			bad[name] = fmt.Sprintf("segment %s is missing", name)
		}
	}
	names := make([]string, 0, len(bad))
	for name := range bad {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		all = append(all, Summary{Process: &Process{Segments: []string{name}}, Error: bad[name]})
	}
	return all
}

func (l *Losses) add(m trace.Losses) {
	l.Full += m.Full
	l.NotReady += m.NotReady
	l.Names += m.Names
	l.Truncated += m.Truncated
	l.Depth += m.Depth
	l.Device += m.Device
}
