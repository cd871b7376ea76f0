package chrome

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Tools that read all files of a folder tell them apart by one number, so a file's "rank" counts on from stage to stage: the first
// stage's are its own, the second's begin at a thousand.
const (
	ranksPerStage = 1000
	maxStages     = 1000
)

// artifactType is the media type of every artifact.
const artifactType = "application/gzip"

// sink writes one profile's files.
type sink struct {
	profile profiler.Profile
	base    int64 // Unix ns that a trace's times count from
	out     *writer
	merged  *gzFile
	block   int // bytes of JSON in a block
	closed  bool

	byProcess map[*recording.Process]*process
	processes []*process // in the order in which they were first seen
	last      *process   // the one looked up last
	names     nameCache
	memos     int // made for all names
	clock     clock
	pids      numbers
	ranks     numbers
	launchers uint64 // processes that have launched device work
	read      fields // of the event at hand
	scratch   []byte

	requests pairs  // arrows between processes
	arrows   []byte // JSON lines of the merged file alone
	arrowIDs uint64
}

// budget bounds the bytes of all files together.
type budget struct {
	limit    int64 // 0: none
	used     int64
	reserved int64 // for what every file ends with
	full     bool  // nothing newer is taken
}

// fits says whether bytes more may be written. At the bound the newest events are left out, so nothing is taken any more once
// something did not fit.
func (b *budget) fits(bytes int64) bool {
	if b.limit > 0 && b.used+b.reserved+bytes > b.limit {
		b.full = true
		return false
	}
	return true
}

func newSink(p profiler.Profile, level int) (*sink, error) {
	out, err := newWriter(level, p.MaxBytes)
	if err != nil {
		return nil, err
	}
	s := &sink{
		profile:   p,
		base:      dayStart(p.Started),
		out:       out,
		block:     blockSize(p.MaxBytes),
		byProcess: map[*recording.Process]*process{},
		names:     nameCache{},
		pids:      newNumbers(firstMadeUpPID),
		ranks:     newNumbers(ranksPerStage * maxStages),
	}
	if s.merged, err = s.create(mergedName(p.ID), nil); err != nil {
		out.close()
		return nil, err
	}
	return s, nil
}

// mergedName is the artifact with every process. Its folder keeps it from tools that read all traces of a folder.
func mergedName(id string) string { return "merged/" + fileSafe(id) + ".trace.json.gz" }

// create makes a file and writes its head. rank is nil for the merged file.
func (s *sink) create(name string, rank *int) (*gzFile, error) {
	f, err := createGz(filepath.Join(s.profile.Dir, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	s.out.spend(f.bytes, tailBytes)
	if err := s.out.put(job{text: s.head(name, rank), files: [2]*gzFile{f}, always: true}); err != nil {
		return nil, errors.Join(err, f.discard())
	}
	return f, nil
}

// Consume implements profiler.Sink.
func (s *sink) Consume(ctx context.Context, b *recording.Batch) error {
	if s.closed {
		return errors.New("consume: the profile is finished")
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("consume events: %w", err)
	}
	p, err := s.process(b.Process)
	if err != nil {
		return err
	}
	if !p.devicesOn && len(p.recorded.Facts) > 0 {
		p.devicesOn = p.recorded.Fact("cuda", 0).Arg("state").Text == "recorded"
	}
	for i := range b.Events {
		if i == 0 || len(p.buf) == 0 { // it may have become full since the last block
			if s.out.full() {
				s.out.drop(p, len(b.Events)-i)
				return nil
			}
		}
		s.event(p, &b.Events[i])
		if len(p.buf) >= s.block {
			if err := s.flush(p); err != nil {
				return err
			}
		}
	}
	if len(s.arrows) >= s.block {
		return s.flushArrows()
	}
	return nil
}

// process is the state of a recorded process, made when it is seen first.
func (s *sink) process(r *recording.Process) (*process, error) {
	if s.last != nil && s.last.recorded == r {
		return s.last, nil
	}
	p, ok := s.byProcess[r]
	if !ok {
		var err error
		if p, err = s.newProcess(r); err != nil {
			return nil, err
		}
	}
	s.last = p
	return p, nil
}

func (s *sink) newProcess(r *recording.Process) (*process, error) {
	p := &process{
		recorded: r,
		pid:      s.pids.take(processPID(r.PID)),
		tracks:   map[*recording.Track]*track{},
		tids:     newNumbers(firstExtraRow),
		buf:      s.out.buffer(s.room()),
	}
	s.out.spend(0, tailBytes) // of the merged file
	if r.Kind == trace.ProcessModel {
		p.name = fileName(r, s.profile.Started, s.before(r))
		rank := s.ranks.take(r.Stage*ranksPerStage + r.Rank)
		var err error
		if p.file, err = s.create(p.name, &rank); err != nil {
			return nil, err
		}
	}
	p.describe()
	s.byProcess[r] = p
	s.processes = append(s.processes, p)
	return p, nil
}

// before counts the processes that had r's place in the model.
func (s *sink) before(r *recording.Process) int {
	n := 0
	for _, p := range s.processes {
		o := p.recorded
		if o.Kind == r.Kind && o.Stage == r.Stage && o.StageName == r.StageName && o.Rank == r.Rank {
			n++
		}
	}
	return n
}

// track is the state of a recorded track, described to viewers when it is seen first.
func (s *sink) track(p *process, r *recording.Track) *track {
	if p.last != nil && p.last.recorded == r {
		return p.last
	}
	t, ok := p.tracks[r]
	if !ok {
		t = &track{recorded: r, ids: -1, waits: streamRows{kind: "sync"}, notes: streamRows{kind: "steps"}}
		switch {
		case r.Device:
			t.device = s.deviceOf(p, r.DeviceID)
			t.place = placeOf(t.device.pid, firstExtraRow-1) // of instants, which nobody records there
			p.devicesOn = true
		case r.Calls:
			t.place = placeOf(p.pid, int(r.ID))
			p.devicesOn = true
		default:
			t.place = placeOf(p.pid, int(r.ID))
			p.describeThread(p.pid, int(r.ID), r.Name, int(r.ID))
		}
		p.tracks[r] = t
		p.order = append(p.order, t)
	}
	p.last = t
	return t
}

// room is what a block's buffer holds: the last event of a block goes over its size.
func (s *sink) room() int { return s.block + s.block/8 }

// flush hands the process's block to the writer, for both of its files.
func (s *sink) flush(p *process) error {
	if len(p.buf) == 0 {
		return nil
	}
	j := job{text: p.buf, files: [2]*gzFile{s.merged, p.file}, of: p, events: p.filled, final: s.closed}
	p.filled, p.buf = 0, s.out.buffer(s.room())
	return s.out.put(j)
}

// flushArrows hands the arrows between processes to the writer, for the merged file.
func (s *sink) flushArrows() error {
	if len(s.arrows) == 0 {
		return nil
	}
	j := job{text: s.arrows, files: [2]*gzFile{s.merged}, final: s.closed}
	s.arrows = s.out.buffer(s.room())
	return s.out.put(j)
}
