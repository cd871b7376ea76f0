package perfetto

import (
	"context"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

const (
	endBytes       = 48        // kept for the end of a span that has begun
	lastBytes      = 768       // kept for what a process is described with at the end
	firstMadeUpPID = 1<<22 + 1 // above the largest process id of Linux
)

type internKey struct {
	list protowire.Number
	text string
}

// Profiler writes Perfetto traces.
type Profiler struct{}

// New is a profiler. There is nothing to configure.
func New() *Profiler { return &Profiler{} }

// Describe says what the profiler is.
func (*Profiler) Describe() profiler.Description {
	return profiler.Description{Name: "perfetto", Version: "1.0.0", Summary: "native Perfetto trace (.pftrace), every process in one file, exact to the nanosecond"}
}

// Open implements profiler.Profiler: the file is made, under a hidden name.
func (*Profiler) Open(_ context.Context, p profiler.Profile) (profiler.Sink, error) {
	f, err := profiler.CreateFile(p, profiler.FileName(p.ID)+".pftrace")
	if err != nil {
		return nil, fmt.Errorf("open a trace: %w", err)
	}
	s := &sink{profile: p, file: f, interned: map[internKey]uint64{}}
	now := uint64(p.Started.UnixNano()) // timestamps count from 1970
	clocks := msg{}.msg(1, msg{}.uint(1, clockBoottime).uint(2, now)).msg(1, msg{}.uint(1, clockRealtime).uint(2, now))
	s.packet(msg{}.msg(packetClocks, clocks), flagCleared)
	return s, nil
}

// sink writes one profile's file.
type sink struct {
	profile   profiler.Profile
	file      *profiler.File
	reserved  int64 // bytes that are to come
	full      bool  // the bound is reached: nothing newer is taken
	events    uint64
	dropped   uint64 // because of the bound
	without   uint64 // because there is no place for them
	processes []*process
	uuids     uint64
	interned  map[internKey]uint64

	event, text, annotation, start, ending, framed msg // used again and again
}

type process struct {
	recorded *recording.Process
	pid      int
	uuid     uint64
	tracks   map[*recording.Track]*track // and in their order:
	order    []*track
	counters map[*recording.Name]uint64 // their tracks
}

// Consume implements profiler.Sink.
func (s *sink) Consume(_ context.Context, b *recording.Batch) error {
	p := s.process(b.Process)
	for e := range b.All() {
		if s.full {
			s.dropped++
		} else {
			s.add(p, e)
		}
	}
	return nil
}

func (s *sink) add(p *process, e *recording.Event) {
	t := s.trackOf(p, e.Track)
	switch {
	case e.Kind == recording.Span && (e.Track.Device || e.Track.Calls):
		s.work(t, e)
	case e.Kind == recording.Span:
		s.span(t, e)
	case e.Kind == recording.Instant:
		s.take(e.Start, s.describe(s.on(t.uuid, typeInstant), e), 0)
	case e.Kind == recording.Counter:
		s.take(e.Start, s.on(s.counter(p, e.Name), typeCounter).fixed(eventCount, math.Float64bits(e.Value)), 0)
	case e.Kind == recording.FlowOut && len(t.arrows) < arrowsWaiting:
		t.arrows = append(t.arrows, arrow{e.Start, e.Flow &^ launchBit, eventFlow})
	case e.Kind == recording.FlowIn && len(t.arrows) < arrowsWaiting:
		t.arrows = append(t.arrows, arrow{e.Start, e.Flow &^ launchBit, eventFlowsEnd})
	default:
		s.without++
	}
}

func (s *sink) uuid() uint64 { s.uuids++; return s.uuids }

// track writes a TrackDescriptor.
func (s *sink) track(descriptor msg) { s.packet(msg{}.msg(packetTrack, descriptor), flagInterned) }

// counter is the track of a process's counter.
func (s *sink) counter(p *process, n *recording.Name) uint64 {
	uuid := p.counters[n]
	if uuid == 0 {
		uuid = s.uuid()
		p.counters[n] = uuid
		s.track(msg{}.uint(trackUUID, uuid).uint(trackParent, p.uuid).text(trackName, n.Text).msg(trackCounter, nil))
	}
	return uuid
}

// process is the state of a recorded process, described to viewers when it is seen first.
func (s *sink) process(r *recording.Process) *process {
	if known := slices.IndexFunc(s.processes, func(p *process) bool { return p.recorded == r }); known >= 0 {
		return s.processes[known]
	}
	p := &process{recorded: r, pid: r.PID, uuid: s.uuid(), tracks: map[*recording.Track]*track{}, counters: map[*recording.Name]uint64{}}
	taken := func(o *process) bool { return o.pid == p.pid } // two machines may have the same
	for made := firstMadeUpPID; p.pid <= 0 || slices.ContainsFunc(s.processes, taken); made++ {
		p.pid = made
	}
	s.processes = append(s.processes, p)
	s.reserved += lastBytes
	s.track(p.describe())
	return p
}

// describe is the process's TrackDescriptor, with labels beside its name.
func (p *process) describe(labels ...string) msg {
	r, name := p.recorded, p.recorded.Name
	switch r.Kind {
	case trace.ProcessModel:
		name = fmt.Sprintf("stage %d %s rank %d (%s)", r.Stage, r.StageName, r.Rank, r.Name)
	case trace.ProcessProfiler:
		name = "profiler " + r.Name
	}
	if r.Synthetic {
		name += ", synthetic weights"
	}
	m := msg{}.uint(1, uint64(p.pid)).text(6, name)
	for _, label := range labels {
		m = m.text(8, label)
	}
	return msg{}.uint(trackUUID, p.uuid).msg(trackProcess, m)
}

func (s *sink) trackOf(p *process, r *recording.Track) *track {
	t := p.tracks[r]
	if t == nil {
		t = &track{process: p, uuid: p.uuid} // of a device: its instants are the process's
		p.tracks[r], p.order = t, append(p.order, t)
		if r.Device || r.Calls {
			t.name = r.Name
			return t
		}
		t.uuid = s.uuid()
		thread := msg{}.uint(1, uint64(p.pid)).uint(2, uint64(r.ID)).text(5, r.Name)
		s.track(msg{}.uint(trackUUID, t.uuid).uint(trackParent, p.uuid).msg(trackThread, thread))
	}
	return t
}

// on begins an event.
func (s *sink) on(track, kind uint64) msg {
	s.event = s.event[:0].uint(eventType, kind).uint(eventTrack, track)
	return s.event
}

// take writes an event if there is room for it and for what follows from it.
func (s *sink) take(at int64, event msg, reserve int64) bool {
	s.event = event // it may have grown
	limit := s.profile.MaxBytes
	s.full = s.full || limit > 0 && s.file.Size()+s.reserved+int64(len(event))+endBytes+reserve > limit
	if s.full {
		s.dropped++
		return false
	}
	s.reserved += reserve
	s.events++
	s.write(at, event)
	return true
}

func (s *sink) write(at int64, event msg) {
	s.framed = s.framed[:0].uint(packetTimestamp, uint64(at)).msg(packetEvent, event)
	s.packet(s.framed, flagInterned)
}

// Finish implements profiler.Sink. Spans whose outermost one never came are written, and each process is labelled with what is
// not in the trace.
func (s *sink) Finish(_ context.Context, sum profiler.Summary) ([]profiler.Artifact, error) {
	for _, p := range s.processes {
		for _, t := range p.order {
			s.settle(t, true)
		}
	}
	for _, row := range sum.Processes {
		if row.Process != nil {
			s.track(s.process(row.Process).describe(lacks(&row)...))
		}
	}
	a, err := s.file.Publish(profiler.Artifact{MediaType: "application/vnd.perfetto.trace", Events: s.events, Dropped: s.dropped})
	if err != nil {
		return nil, fmt.Errorf("finish the trace: %w", err)
	}
	return []profiler.Artifact{a}, nil
}

// lacks is what a process did not record, as labels of it.
func lacks(row *recording.Summary) (labels []string) {
	if n := row.Lost.Total(); n > 0 || row.Error != "" {
		labels = append(labels, fmt.Sprintf("%d events lost %.200s", n, row.Error))
	}
	if f := row.Process.Fact("cuda", 0); f.Arg("reason").Text != "" {
		labels = append(labels, fmt.Sprintf("device events %s: %.200s", f.Arg("state").Text, f.Arg("reason").Text))
	}
	return labels
}

// Warnings implements profiler.Warner.
func (s *sink) Warnings() []string {
	if s.without == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d arrows without a span around them, or pieces of work that overlap in too many rows, are not in the trace", s.without)}
}

// Abort implements profiler.Aborter: nothing of the profile stays.
func (s *sink) Abort(context.Context) error { return s.file.Discard() }
