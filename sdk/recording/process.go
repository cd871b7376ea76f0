package recording

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// What is accounted for besides texts, in bytes: a name, a track, a span on a track's stack, a clock pair.
const (
	nameCost  = 96
	trackCost = 768
	spanCost  = 192
	pairCost  = 48
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
	tracks  map[uint32]*track
	order   []*track // by first appearance
	own     clock
	clock   *clock          // what ticks are converted with; nil: not decided
	limit   uint64          // ticks above are not read yet
	latest  uint64          // largest tick of an event
	facts   map[factKey]int // places in pub.Facts
	out     *batch
	buf     []byte
	follow  *Follower

	left                            bool // the filter lets nothing of it pass
	events, open, corrupt, filtered uint64
	later                           uint64 // records of later kinds
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
		unknown: map[uint32]*Name{}, shapes: map[uint32]bool{},
	}
	if f.out == nil {
		f.out = newBatch(f.options.BatchEvents)
		f.buf, f.metaBuf = make([]byte, segment.ChunkBytes), make([]byte, segment.ChunkBytes)
	}
	p.out, p.buf = f.out, f.buf // one process is read at a time
	p.left = !f.filter.keepsProcess(p.pub)
	p.own.rate = h.Rate
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
		if len(p.unknown) < segment.MaxNames && p.follow.take(nameCost) {
			p.unknown[id] = n
		}
	}
	return n
}

// define takes a name's definition.
func (p *process) define(id uint32, c uint8, text []byte) {
	if id != 0 && int(id) < len(p.names) && p.names[id] != nil {
		return // each segment defines the names again
	}
	valid := strings.ToValidUTF8(string(text), "\uFFFD")
	if id == 0 || id > segment.MaxNames || !p.follow.take(len(valid)+nameCost) {
		p.corrupt++
		return
	}
	if n := int(id) + 1 - len(p.names); n > 0 {
		p.names = append(p.names, make([]*Name, n)...)
	}
	p.names[id] = &Name{Text: valid, Category: trace.Category(c)}
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

// track finds or makes a track; nil when there is no memory for one more.
func (p *process) track(id uint32) *track {
	t := p.tracks[id]
	if t == nil && p.follow.take(trackCost+spanCost) {
		stack := []span{{taken: spanCost}} // a span has room on every track, however much memory the others take
		t = &track{proc: p, stack: stack[:0], pub: &Track{Process: p.pub, ID: id, Name: fmt.Sprintf("track %d", id)}}
		p.tracks[id] = t
		p.order = append(p.order, t)
	}
	return t
}

// pair takes a clock pair. It reports false for one that cannot be, or that there is no memory for.
func (p *process) pair(c clockPair) bool {
	n := len(p.own.pairs)
	if !p.own.add(c) {
		return false
	}
	switch {
	case len(p.own.pairs) == n:
	case n >= 2 && p.clock != nil && p.clock != &p.own:
		p.own.pairs = append(p.own.pairs[:1], c) // core's clock is used: of the own one only how long it was recorded counts
	case !p.follow.take(pairCost):
		p.own.pairs = p.own.pairs[:n]
		return false
	}
	return true
}

// pass counts a record that means nothing here: of a later kind, or of another track.
func (p *process) pass(h segment.Head) {
	if k := h.Kind(); segment.Fixed(k) == 0 {
		p.later++
	} else {
		p.corrupt++
	}
}

// readPairs gets the clock pairs of all segments at the end, so that another process's events are put between two of them
// whichever segment is being read.
func (p *process) readPairs() {
	if len(p.sources) < 2 {
		return
	}
	for _, s := range p.sources[p.active:] {
		s.readPairs()
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
