package trace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// flightSegments is how many segments a flight recorder's budget is split into. One is being written and one is room
// for the next, so the others hold what is remembered.
const flightSegments = 8

// MinFlightBytes is the smallest budget of a flight recorder.
const MinFlightBytes = flightSegments * segment.MinBytes

// minWindow keeps segments from being made all the time.
const minWindow = time.Second

// Flight says where and how much a recorder keeps of what happened last.
type Flight struct {
	Dir      string // folder of the segments, which exists; nobody else makes files there
	Process  Process
	MaxBytes int64         // of all segments together; at least MinFlightBytes
	Window   time.Duration // how far back events are kept, if MaxBytes is enough for it; at least 1 s
}

// Snapshot says where a flight recorder's segments are to be kept.
type Snapshot struct {
	Dir   string // an existing folder; on the same file system as Flight.Dir it costs no copy
	Label string // segments are called <Label>.<n>.seg, from 0
}

// SnapshotStats is what a snapshot holds.
type SnapshotStats struct {
	Stats
	Segments []string // file names in Snapshot.Dir, oldest first
}

// ErrNoFlight is Snapshot's and StopFlight's, to be tested with errors.Is.
var ErrNoFlight = errors.New("the flight recorder is off")

// flight is a recorder's ring: a row of small segments, the oldest of which go. The recorder's life lock guards it.
type flight struct {
	Flight
	rec    *Recorder
	header segment.Header // of the current segment
	files  uint64         // made so far, to name the next
	began  time.Time      // when the current segment was made
	kept   []kept         // frozen segments, oldest first
	carry  carrier        // open spans of those that went
	file   *kept          // the carrier's file; nil while it holds nothing
	full   chan struct{}  // the current segment is nearly full
	quit   chan struct{}
	done   chan struct{}
}

// kept is a frozen segment.
type kept struct {
	path     string
	sequence uint64
	stats    Stats
	ended    time.Time
}

// StartFlight makes the recorder remember what happened last, until StopFlight: it records all the time, and bytes and
// time are bounded. [Recorder.Snapshot] turns what it remembers into a recording. Start and Stop work as without it; while
// they record, nothing is remembered beside it, and what was before Start is forgotten. The error says which field is
// not valid, or is Start's own.
func (r *Recorder) StartFlight(f Flight) error {
	r.life.Lock()
	defer r.life.Unlock()
	switch {
	case r.closed:
		return errors.New("start flight recorder: the recorder is closed")
	case r.flight != nil:
		return fmt.Errorf("start flight recorder: %w", ErrRecording)
	case f.Dir == "":
		return errors.New("start flight recorder: dir is empty; name the segments' folder")
	case f.MaxBytes < MinFlightBytes:
		return fmt.Errorf("start flight recorder: max bytes is %d; at least %d is needed", f.MaxBytes, MinFlightBytes)
	case f.Window < minWindow:
		return fmt.Errorf("start flight recorder: window is %v; at least %v is needed", f.Window, minWindow)
	}
	r.started++
	ring := &flight{
		Flight: f, rec: r, full: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	ring.header = r.makeHeader(Start{Process: f.Process, MaxBytes: f.MaxBytes / flightSegments &^ (segment.ChunkBytes - 1)})
	if r.keeper == nil { // else a recording is on, and the flight begins when it stops
		if err := ring.begin(0); err != nil {
			r.started--
			return fmt.Errorf("start flight recorder: %w", err)
		}
	}
	r.flight = ring
	go ring.run()
	return nil
}

// StopFlight forgets what happened and removes its files. A recording that Start began goes on.
func (r *Recorder) StopFlight() error {
	r.life.Lock()
	f := r.flight
	if f == nil {
		r.life.Unlock()
		return fmt.Errorf("stop flight recorder: %w", ErrNoFlight)
	}
	r.flight = nil
	if r.flying {
		r.flying = false
		r.keeper.stop()
		r.keeper = nil
		f.forget(r.swap(nil))
		r.lanes.detachFree()
	}
	close(f.quit)
	r.life.Unlock()
	<-f.done // it may be waiting for the lock
	return nil
}

// Snapshot keeps what the recorder remembers as segments of their own, and goes on. While a recording is on that Start
// began the error is [ErrRecording]. Events up to the call are in; open spans are, however long ago they began.
func (r *Recorder) Snapshot(s Snapshot) (SnapshotStats, error) {
	r.life.Lock()
	defer r.life.Unlock()
	f := r.flight
	switch {
	case f == nil:
		return SnapshotStats{}, fmt.Errorf("snapshot: %w", ErrNoFlight)
	case r.keeper != nil && !r.flying:
		return SnapshotStats{}, fmt.Errorf("snapshot: %w", ErrRecording)
	}
	if r.keeper == nil { // it could not go on after a recording
		if err := f.begin(r.started); err != nil {
			return SnapshotStats{}, fmt.Errorf("snapshot: %w", err)
		}
	}
	if err := f.rotate(); err != nil {
		return SnapshotStats{}, fmt.Errorf("snapshot: %w", err)
	}
	st, err := f.link(s)
	if err != nil {
		return SnapshotStats{}, fmt.Errorf("snapshot: %w", err)
	}
	return st, nil
}

// link gives every segment a second name in the snapshot's folder. The first one may go: the file stays.
func (f *flight) link(s Snapshot) (st SnapshotStats, err error) {
	all := f.kept
	if f.file != nil {
		all = append([]kept{*f.file}, all...)
	}
	for i, k := range all {
		name := fmt.Sprintf("%s.%d.seg", s.Label, i)
		if err = LinkSegment(k.path, filepath.Join(s.Dir, name)); err != nil {
			for _, made := range st.Segments {
				_ = os.Remove(filepath.Join(s.Dir, made))
			}
			return SnapshotStats{}, err
		}
		st.Segments = append(st.Segments, name)
		st.Stats.add(k.stats)
	}
	return st, nil
}

func (s *Stats) add(o Stats) {
	s.Events += o.Events
	s.Bytes += o.Bytes
	s.Lost.Full += o.Lost.Full
	s.Lost.NotReady += o.Lost.NotReady
	s.Lost.Names += o.Lost.Names
	s.Lost.Truncated += o.Lost.Truncated
	s.Lost.Depth += o.Lost.Depth
	s.Lost.Device += o.Lost.Device
	s.EventNs = max(s.EventNs, o.EventNs)
}
