package nsight

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

const (
	mediaType = "application/vnd.sqlite3"
	whatFor   = "for nsys stats and SQL; the nsys GUI opens its own recordings only: for one, set profile.control = \"cuda_profiler_api\" and serve under nsys profile"
	// textsKept bounds the texts that have a number; beyond, they are numbered anew.
	textsKept = 1 << 18
	// endBytes, and endPages pages, are kept for what every file ends with, and processBytes for each process.
	endBytes, endPages, processBytes = 2 << 10, 8, 2 << 10
	// maxTID is the largest number that a thread has in a global id, of 24 bits.
	maxTID = 1<<24 - 1
)

// sink writes one profile's file.
type sink struct {
	profile profiler.Profile
	base    int64 // Unix ns that the file's times count from
	db      *database
	closed  bool

	processes []*process
	pids      map[int64]bool
	texts     map[string]int64
	nextText  int64
	kernels   map[*recording.Name]kernelNames
	fields    map[*recording.Name]field

	full    bool // the bound is reached: nothing newer is taken
	events  uint64
	dropped uint64  // because of the bound
	without uint64  // because the format has no place for them
	last    int64   // latest end, of the file's times
	reserve int64   // bytes that are to come
	gpus    []int64 // that have a row
}

type process struct {
	recorded *recording.Process
	pid      int64
	global   int64 // globalPid
	tracks   map[*recording.Track]*track
	order    []*track
}

// track is a thread of the file. A recording's tracks are not the system's threads, so threads are numbered as the tracks are:
// then calls of the CUDA runtime lie on the thread of the spans around them, which is how reports join them.
type track struct {
	global int64 // globalTid
	name   string
}

func newSink(ctx context.Context, p profiler.Profile) (*sink, error) {
	name := profiler.FileName(p.ID) + ".sqlite" // what nsys wants
	db, err := openDatabase(ctx, filepath.Join(p.Dir, name), p.MaxBytes)
	if err != nil {
		return nil, err
	}
	s := &sink{
		profile: p, base: p.Started.UnixNano(), db: db, pids: map[int64]bool{}, texts: map[string]int64{},
		kernels: map[*recording.Name]kernelNames{}, fields: map[*recording.Name]field{}, reserve: endBytes + endPages*db.page,
	}
	s.begin()
	return s, db.err
}

// Consume implements profiler.Sink.
func (s *sink) Consume(ctx context.Context, b *recording.Batch) error {
	if s.closed {
		return errors.New("consume: the profile is finished")
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("consume events: %w", err)
	}
	p := s.process(b.Process)
	for e := range b.All() {
		switch {
		case s.full:
			s.dropped++
		case e.Kind == recording.Span && (e.Track.Device || e.Track.Calls):
			s.work(p, e)
		case e.Kind == recording.Span, e.Kind == recording.Instant:
			s.span(p, e)
		default: // Nsight's file has no place for counters, and joins by correlation instead of arrows
			s.without++
		}
	}
	return s.db.err
}

// room tells whether a row of so many bytes may be written, and counts it as written or dropped.
func (s *sink) room(bytes int64) bool {
	if s.full || !s.db.room(bytes+s.reserve) {
		s.full = true
		s.dropped++
		return false
	}
	s.events++
	return true
}

// at is a time of the file.
func (s *sink) at(ns int64) int64 { return ns - s.base }

// text is the number of a text in StringIds.
func (s *sink) text(text string) int64 {
	id, ok := s.texts[text]
	if !ok {
		if len(s.texts) >= textsKept {
			clear(s.texts)
		}
		s.nextText++
		id = s.nextText
		s.texts[text] = id
		s.db.put(stringIDs, id, text)
	}
	return id
}

// process is the state of a recorded process, which the file names when it is seen first.
func (s *sink) process(r *recording.Process) *process {
	for _, p := range s.processes {
		if p.recorded == r {
			return p
		}
	}
	p := &process{recorded: r, pid: int64(r.PID) & maxTID, tracks: map[*recording.Track]*track{}}
	for made := int64(1<<22 + 1); p.pid == 0 || s.pids[p.pid]; made++ { // above Linux's; two machines may have the same
		p.pid = made
	}
	s.pids[p.pid] = true
	const virtualMachine = 1 << 48
	p.global = virtualMachine | p.pid<<24
	s.processes = append(s.processes, p)
	s.reserve += processBytes
	s.db.put(processes, p.global, p.pid, title(r))
	return p
}

// title is what the file calls a process.
func title(r *recording.Process) string {
	switch r.Kind {
	case trace.ProcessModel:
		t := fmt.Sprintf("%s stage %d %s rank %d", r.Name, r.Stage, r.StageName, r.Rank)
		if r.Synthetic {
			t += " (synthetic weights)"
		}
		return t
	case trace.ProcessProfiler:
		return "profiler " + r.Name
	}
	return r.Name
}

func (s *sink) track(p *process, r *recording.Track) *track {
	t := p.tracks[r]
	if t == nil {
		t = &track{global: p.global | int64(r.ID)&maxTID, name: r.Name}
		p.tracks[r] = t
		p.order = append(p.order, t)
		s.db.put(threadNames, s.text(r.Name), nil, t.global)
	}
	return t
}

// Finish implements profiler.Sink: the file appears, whole.
func (s *sink) Finish(ctx context.Context, sum profiler.Summary) ([]profiler.Artifact, error) {
	if s.closed {
		return nil, errors.New("finish: the profile is finished")
	}
	s.closed = true
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(fmt.Errorf("finish the file: %w", err), s.db.discard())
	}
	s.end(sum)
	bytes, hash, err := s.db.publish()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("finish the file: %w", err), s.db.discard())
	}
	return []profiler.Artifact{{
		Name: filepath.Base(s.db.final), MediaType: mediaType, Bytes: bytes, SHA256: hash, Events: s.events, Dropped: s.dropped,
		Description: whatFor,
	}}, nil
}

// Abort implements profiler.Aborter: nothing of the profile stays.
func (s *sink) Abort(context.Context) error {
	s.closed = true
	return s.db.discard()
}

func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000000") }
