package summary

import (
	"math"
	"strings"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Aggregator adds up the events of a recording. The zero value is ready. It is not safe for concurrent use.
type Aggregator struct {
	processes []*process // in order of appearance
	byPointer map[*recording.Process]*process
	first     int64 // Unix ns, of spans
	last      int64 // Unix ns, of spans
	spans     uint64
	events    uint64
	open      uint64
	requests  uint64
	slowest   Request
	losses    []recording.Summary
}

// identity tells processes apart; a rank that was started anew has another pid.
type identity struct {
	kind        trace.ProcessKind
	stage, rank int
	pid         int
	host        string
}

// process adds up the spans of one process.
type process struct {
	identity
	name, stageName, model string
	synthetic              bool
	rows                   map[key]*row
	byName                 map[*recording.Name]*row
	tracks                 map[*recording.Track]*track
	events                 uint64
	recorded               *recording.Process // whose facts hold
	device                 deviceTally
}

// maxTracks bounds the tracks whose nesting is followed; the spans of further ones are counted without the flops of
// what they enclose.
const maxTracks = 4096

// track adds flops up from operators to the spans around them: below[d] is the sum of the ended spans of depth d whose
// parent has not ended. A reader delivers a track's spans by end, so children come before their parent.
type track struct {
	below [64]int64
}

// Add takes a batch. Nothing of it is kept.
func (a *Aggregator) Add(b *recording.Batch) {
	p := a.process(b.Process)
	a.events += uint64(len(b.Events))
	p.events += uint64(len(b.Events))
	var lastTrack *recording.Track
	var nest *track
	for i := range b.Events {
		e := &b.Events[i]
		if e.Kind != recording.Span {
			continue
		}
		if e.Open {
			a.open++
			continue
		}
		if e.Track != lastTrack {
			lastTrack, nest = e.Track, p.track(e.Track)
		}
		ns := max(e.End-e.Start, 0)
		r := p.byName[e.Name]
		if r == nil {
			r = p.row(e.Name)
		}
		r.add(ns, e.Depth)
		if e.Work.Kind != trace.WorkOther {
			p.device.add(e, ns)
		}
		if flops := nest.up(e); flops > 0 {
			r.flops, r.hasFlops = plus(r.flops, flops), true
		}
		a.span(e)
		if r.category == trace.CategoryRequest && p.kind == trace.ProcessCore && e.Name.Text == "http" {
			a.request(e, ns)
		}
	}
}

// AddLosses tells what was not recorded, and what recording cost, from the reader's summaries at the end; the table then
// shows it.
func (a *Aggregator) AddLosses(s []recording.Summary) { a.losses = append(a.losses, s...) }

// span widens the wall.
func (a *Aggregator) span(e *recording.Event) {
	if a.spans == 0 {
		a.first, a.last = e.Start, e.End
	}
	a.spans++
	a.first = min(a.first, e.Start)
	a.last = max(a.last, e.End)
}

func (a *Aggregator) request(e *recording.Event, ns int64) {
	a.requests++
	if s := seconds(ns); s > a.slowest.Seconds || a.requests == 1 {
		a.slowest = Request{ID: strings.Clone(e.Request), Seconds: s}
	}
}

func (a *Aggregator) process(of *recording.Process) *process {
	if p := a.byPointer[of]; p != nil {
		return p
	}
	if a.byPointer == nil {
		a.byPointer = map[*recording.Process]*process{}
	}
	p := a.find(identity{of.Kind, of.Stage, of.Rank, of.PID, of.Host})
	p.name, p.stageName, p.model = of.Name, of.StageName, of.Model
	p.synthetic = p.synthetic || of.Synthetic
	p.recorded = of
	a.byPointer[of] = p
	return p
}

func (a *Aggregator) find(id identity) *process {
	for _, p := range a.processes {
		if p.identity == id {
			return p
		}
	}
	p := &process{
		identity: id,
		rows:     map[key]*row{},
		byName:   map[*recording.Name]*row{},
		tracks:   map[*recording.Track]*track{},
	}
	a.processes = append(a.processes, p)
	return p
}

// row is the row that spans of a name belong to; found once a name, then in byName.
func (p *process) row(name *recording.Name) *row {
	k := key{name.Category, name.Text}
	if k.category == trace.CategoryBlock {
		k.name = folded(k.name)
	}
	if p.rows[k] == nil && len(p.rows) >= maxRows {
		k.name = other
	}
	r := p.rows[k]
	if r == nil {
		k.name = strings.Clone(k.name)
		r = &row{key: k}
		p.rows[k] = r
	}
	p.byName[name] = r
	return r
}

func (p *process) track(of *recording.Track) *track {
	t := p.tracks[of]
	if t == nil && len(p.tracks) < maxTracks && of != nil && !of.Device {
		t = &track{}
		p.tracks[of] = t
	}
	return t
}

// up is the flops of a span that ends: its own and those of all it enclosed.
func (t *track) up(e *recording.Event) int64 {
	flops := int64(0)
	for i := range e.Args {
		if a := &e.Args[i]; a.Type == trace.TypeInt && a.Key.Text == "flops" {
			flops = max(a.Int, 0)
		}
	}
	d := int(e.Depth)
	if t == nil || d >= len(t.below) {
		return flops
	}
	if d+1 < len(t.below) {
		flops = plus(flops, t.below[d+1])
		t.below[d+1] = 0
	}
	t.below[d] = plus(t.below[d], flops)
	return flops
}

// Merge adds what from has added up. The two must have seen different events; from is not used afterwards.
func (a *Aggregator) Merge(from *Aggregator) {
	for _, f := range from.processes {
		p := a.find(f.identity)
		p.name, p.stageName, p.model = f.name, f.stageName, f.model
		p.synthetic = p.synthetic || f.synthetic
		p.events += f.events
		p.recorded = f.recorded
		p.device.merge(&f.device)
		for k, r := range f.rows {
			into := p.rows[k]
			if into == nil {
				into = &row{key: k}
				p.rows[k] = into
			}
			into.merge(r)
		}
	}
	if from.spans > 0 {
		if a.spans == 0 {
			a.first, a.last = math.MaxInt64, math.MinInt64
		}
		a.first, a.last = min(a.first, from.first), max(a.last, from.last)
	}
	if from.requests > 0 && (a.requests == 0 || from.slowest.Seconds > a.slowest.Seconds) {
		a.slowest = from.slowest
	}
	a.spans += from.spans
	a.events += from.events
	a.open += from.open
	a.requests += from.requests
	a.losses = append(a.losses, from.losses...)
}
