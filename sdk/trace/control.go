package trace

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// Recorder records what a process does while it is on. All its methods may be called from any goroutine.
//
// Its epoch word is odd while it is on and changes with every start, stop and swap of segments. Writers compare it with
// their own copy before a record and after; see [Track] and swap.
type Recorder struct {
	epoch uint32   // used through sync/atomic only; a method would cost Begin its inlining
	_     [60]byte // writers read the epoch all the time: nothing else that changes is near it

	clock  *clock
	fast   bool // stamps without a fence; swap makes up for it
	every  time.Duration
	heap   bool // segments on Go's heap, for the race detector
	tracks atomic.Uint32
	lanes  laneGroups
	wanted atomic.Uint32 // the Categories of the recording that is on

	mu    sync.Mutex // guards seg together with epoch, and notes; held for moments only
	seg   *segmentFile
	notes []string // of the sources, while a recording is on

	life    sync.Mutex // guards what follows, and start and stop as a whole
	started uint64     // recordings so far
	keeper  *keeper    // of the current segment
	header  segment.Header
	flight  *flight // nil while the flight recorder is off
	flying  bool    // the current segment is the flight recorder's
	closed  bool
	sources []Source
	running []Source // of the recording that is on

	namesLost uint64 // of names.lost, what the segments before the current one have counted
}

const defaultClockPairs = 200 * time.Millisecond

// New makes a recorder that is off. It does no I/O besides finding out, once a process, which clock to trust.
func New(o Options) *Recorder { return newRecorder(o, systemClock(), false) }

func newRecorder(o Options, c *clock, heap bool) *Recorder {
	every := o.ClockPairs
	if every <= 0 {
		every = defaultClockPairs
	}
	return &Recorder{
		clock: c, every: every, heap: heap,
		fast: haveStamps && c.kind == counterClock && (!needBarrier || haveBarrier()),
	}
}

// On tells whether the recorder records now.
func (r *Recorder) On() bool { return atomic.LoadUint32(&r.epoch)&1 != 0 }

// Start begins a recording in a new segment. It returns [ErrRecording] when one is on, [ErrNoSharedMap] when the file
// system cannot do it, and an error that names the field when s is not valid. Spans that are open now stay out of it.
// A flight recorder makes way until Stop, and forgets what was before.
func (r *Recorder) Start(s Start) error {
	r.life.Lock()
	defer r.life.Unlock()
	switch {
	case r.closed:
		return fmt.Errorf("start recording: the recorder is closed")
	case r.keeper != nil && !r.flying:
		return fmt.Errorf("start recording: %w", ErrRecording)
	case s.Path == "":
		return fmt.Errorf("start recording: path is empty; name the segment file")
	case s.MaxBytes < segment.MinBytes:
		return fmt.Errorf("start recording: max bytes is %d; at least %d is needed", s.MaxBytes, segment.MinBytes)
	}
	r.started++
	r.header = r.makeHeader(s)
	seg, err := r.open(s.Path, r.header)
	if err != nil {
		r.started--
		return fmt.Errorf("start recording: %w", err)
	}
	if r.flying {
		r.flying = false
		r.keeper.stop()
	}
	r.namesLost = 0
	r.wanted.Store(uint32(s.Categories))
	old := r.swap(seg)
	r.keeper = keep(r, seg)
	if old != nil {
		r.flight.forget(old)
	}
	if err := r.startSources(s); err != nil {
		_, _ = r.stop() // it is on
		_ = os.Remove(s.Path)
		return fmt.Errorf("start recording: %w", err)
	}
	return nil
}

// open makes a segment with all names and a first clock pair in it.
func (r *Recorder) open(path string, h segment.Header) (*segmentFile, error) {
	seg, err := create(path, h, r.heap)
	if err != nil {
		return nil, err
	}
	seg.recorded = h.Recording
	seg.meta.pair(r.clock.pair())
	names.enter(&seg.meta)
	return seg, nil
}

func (r *Recorder) makeHeader(s Start) segment.Header {
	host, _ := os.Hostname()
	return segment.Header{
		Kind: uint8(s.Process.Kind), Synthetic: s.Process.Synthetic, PID: uint32(os.Getpid()),
		Stage: int32(s.Process.Stage), Rank: int32(s.Process.Rank),
		Clock: r.clock.kind, Rate: r.clock.rate(r.clock.pair()), Limit: s.MaxBytes,
		Recording: r.started, ProcessID: processID(), BootID: bootID(), Host: host,
		EventCost: eventCost(), Cores: uint32(runtime.NumCPU()),
		Name: s.Process.Name, Model: s.Process.Model, StageName: s.Process.StageName,
	}
}

// processID tells two processes apart that had the same pid.
var processID = sync.OnceValue(func() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
})

// Stop ends the recording. What was recorded before the call is in the file; it is frozen, cut to its used size and
// closed, not synced to the disk. The error is [ErrNotRecording], or says that the file could not be completed; a reader
// can read it even then.
func (r *Recorder) Stop() (Stats, error) {
	r.life.Lock()
	defer r.life.Unlock()
	return r.stop()
}

func (r *Recorder) stop() (Stats, error) {
	if r.keeper == nil || r.flying {
		return Stats{}, fmt.Errorf("stop recording: %w", ErrNotRecording)
	}
	notes := r.stopSources()
	st, err := r.finish(r.leave())
	st.Notes = notes
	r.wanted.Store(0)
	r.lanes.detachFree()
	if err != nil {
		return st, fmt.Errorf("stop recording: %w", err)
	}
	return st, nil
}

// leave makes the recording's segment current no more. A flight recorder takes its place; one that cannot tries later.
func (r *Recorder) leave() *segmentFile {
	if r.flight != nil && !r.closed {
		if seg, err := r.flight.open(); err == nil {
			seg.after = r.started
			return r.flight.enter(seg)
		}
	}
	r.keeper.stop()
	r.keeper = nil
	return r.swap(nil)
}

// Close stops a recording that is on, and the flight recorder. The recorder stays off from then on.
func (r *Recorder) Close() error {
	r.life.Lock()
	closed := r.closed
	r.closed = true
	r.life.Unlock()
	if closed {
		return nil
	}
	_ = r.StopFlight() // it is off, or goes off
	r.life.Lock()
	defer r.life.Unlock()
	if r.keeper == nil || r.flying {
		return nil
	}
	_, err := r.stop()
	return err
}

// swap makes next the current segment (nil: none) and returns the one before. Writers never wait for it. Afterwards no
// writer stores into the old segment, except those whose second look at the epoch tells them to write once more.
func (r *Recorder) swap(next *segmentFile) *segmentFile {
	r.mu.Lock()
	old := r.seg
	r.seg = next
	e := (atomic.LoadUint32(&r.epoch) + 2) &^ 1
	if next != nil {
		e |= 1
	}
	atomic.StoreUint32(&r.epoch, e)
	r.mu.Unlock()
	if old != nil && r.fast && needBarrier {
		// A writer's store and its load of the epoch may pass each other. After this, either its store is visible or it
		// will see the new epoch.
		barrier()
	}
	return old
}

// finish freezes and completes a segment that is no longer current.
func (r *Recorder) finish(s *segmentFile) (Stats, error) {
	names.retry(&s.meta)
	names.leave(&s.meta)
	s.meta.pair(r.clock.pair())
	missing := uint64(names.len() - s.meta.close())
	s.count(segment.OffNames, names.lost.Load()-r.namesLost+missing)
	return s.finish()
}
