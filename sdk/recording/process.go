package recording

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// process is what the reader knows of one recording process.
type process struct {
	pub     *Process
	key     processKey
	sources []*source // by sequence
	active  int       // index of the source that is being read
	names   []*Name   // by id; nil: not defined yet
	unknown map[uint32]*Name
	shapes  map[uint32]bool // which names are shapes
	memory  int64           // bytes of names, against the follower's bound
	tracks  map[uint32]*track
	order   []*track // by first appearance
	own     clock
	clock   *clock // what ticks are converted with; nil: not decided
	limit   uint64 // ticks above are not read yet
	latest  uint64 // largest tick of an event
	out     *batch
	buf     []byte
	follow  *Follower

	events, open, corrupt uint64
}

type processKey struct {
	boot             string
	pid              uint32
	process          uint64
	recording        uint64
	kind             uint8
	stage, rank      int32
	name, stageTitle string
}

func keyOf(h *segment.Header) processKey {
	return processKey{h.BootID, h.PID, h.ProcessID, h.Recording, h.Kind, h.Stage, h.Rank, h.Name, h.StageName}
}

func newProcess(f *Follower, h *segment.Header) *process {
	p := &process{
		pub: &Process{
			Process: trace.Process{
				Kind: trace.ProcessKind(h.Kind), Name: h.Name, Model: h.Model, Stage: int(h.Stage),
				StageName: h.StageName, Rank: int(h.Rank), Synthetic: h.Synthetic,
			},
			PID: int(h.PID), Host: h.Host, BootID: h.BootID,
			EventNs: float64(h.EventCost) / 1000, Cores: int(h.Cores),
		},
		key: keyOf(h), tracks: map[uint32]*track{}, names: []*Name{{}}, follow: f,
		unknown: map[uint32]*Name{}, shapes: map[uint32]bool{}, buf: make([]byte, segment.ChunkBytes),
	}
	p.own.rate = h.Rate
	p.out = newBatch(p.pub, f.options.BatchEvents)
	return p
}

// add takes one more segment of the process.
func (p *process) add(s *source) {
	i, _ := slices.BinarySearchFunc(p.sources, s, func(a, b *source) int {
		switch {
		case a.header.Sequence < b.header.Sequence:
			return -1
		case a.header.Sequence > b.header.Sequence:
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	if i < p.active || i == p.active && len(p.sources) > 0 && p.sources[p.active].begun {
		p.corrupt++ // it should have been read before what was read already
		i = len(p.sources)
	}
	p.sources = slices.Insert(p.sources, i, s)
	s.proc = p
	p.pub.Segments = append(p.pub.Segments, s.name)
}

// name is the interned name of an id. One that is not defined is looked for once more: it may have been defined after
// the names were read and before the record that uses it.
func (p *process) name(id uint32) *Name {
	if int(id) < len(p.names) && p.names[id] != nil {
		return p.names[id]
	}
	return p.missing(id)
}

func (p *process) missing(id uint32) *Name {
	if n := p.unknown[id]; n != nil && p.sources[p.active].frozen {
		return n
	}
	p.sources[p.active].readMeta()
	if int(id) < len(p.names) && p.names[id] != nil {
		return p.names[id]
	}
	n := p.unknown[id]
	if n == nil {
		n = &Name{Text: fmt.Sprintf("name#%d", id)}
		if len(p.unknown) < segment.MaxNames {
			p.unknown[id] = n
		}
	}
	return n
}

// define takes a name's definition.
func (p *process) define(id uint32, c uint8, text []byte) {
	p.memory += int64(len(text)) + 64
	if id == 0 || id > segment.MaxNames || p.memory > p.follow.options.MaxMemory {
		p.corrupt++
		return
	}
	for int(id) >= len(p.names) {
		p.names = append(p.names, nil)
	}
	if p.names[id] == nil {
		p.names[id] = &Name{Text: strings.ToValidUTF8(string(text), "\uFFFD"), Category: trace.Category(c)}
	}
}

// isShapes tells whether a name is a JSON array of arrays of integers.
func (p *process) isShapes(id uint32) bool {
	ok, seen := p.shapes[id]
	if seen {
		return ok
	}
	n := p.name(id)
	var v [][]int64
	ok = strings.HasPrefix(strings.TrimSpace(n.Text), "[") && !strings.Contains(n.Text, "null") && json.Unmarshal([]byte(n.Text), &v) == nil
	if len(p.shapes) <= segment.MaxNames {
		p.shapes[id] = ok
	}
	return ok
}

// track finds or makes a track.
func (p *process) track(id uint32) *track {
	t := p.tracks[id]
	if t == nil {
		t = &track{proc: p, pub: &Track{Process: p.pub, ID: id, Name: fmt.Sprintf("track %d", id)}}
		p.tracks[id] = t
		p.order = append(p.order, t)
	}
	return t
}

// readPairs gets the clock pairs of all segments at the end, so that another process's events are put between two of them
// whichever segment is being read.
func (p *process) readPairs() {
	if len(p.sources) < 2 {
		return
	}
	for _, s := range p.sources[p.active:] {
		s.pairsTo(&p.own)
	}
}

// finish delivers the spans that are still open. They end at the last moment that the process recorded.
func (p *process) finish() {
	last := p.latest
	if n := len(p.own.pairs); n > 0 {
		last = max(last, p.own.pairs[n-1].ticks)
	}
	for _, t := range p.order {
		for i := range t.stack {
			last = max(last, t.stack[i].begin, t.stack[i].end)
		}
	}
	for _, t := range p.order {
		t.finish(last)
	}
	p.out.flush()
}
