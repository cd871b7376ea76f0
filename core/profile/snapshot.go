package profile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// SnapshotRequest says how much of the past becomes a profile. The zero value takes all that is remembered.
type SnapshotRequest struct {
	Last      time.Duration // events that were over before are left out; 0: all of Flight.Window
	Label     string        // free text of the caller, at most 200 characters
	Profilers []string      // names; empty: Options.Profilers
	Trigger   string        // the kind of trigger that asks; empty: a caller
}

// Snapshot turns what the processes remember into a profile, without stopping anything. It waits for the export; when
// ctx ends first the export goes on in the background, and the view shows that. While a profile is active, which holds the
// time in question itself, the error has [CodeActive].
func (m *Manager) Snapshot(ctx context.Context, r SnapshotRequest) (View, error) {
	p, err := m.planSnapshot(r)
	if err != nil {
		return View{}, err
	}
	if err := m.makeRoom(); err != nil {
		return View{}, err
	}
	if err := m.reserve(p); err != nil {
		return View{}, err
	}
	if err := m.keepPast(p); err != nil {
		m.drop(p)
		return View{}, err
	}
	select {
	case <-m.ended(p):
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.look(p), nil
}

func (m *Manager) planSnapshot(r SnapshotRequest) (*entry, error) {
	if m.flight == nil {
		return nil, &Error{Code: CodeFlightOff, Message: "the flight recorder is off; add a block flight_recorder { } to the configuration"}
	}
	window := m.flight.o.Window
	switch {
	case r.Last < 0:
		return nil, invalid("last_s", "%v is negative", r.Last)
	case r.Last > window:
		return nil, invalid("last_s", "%v is longer than flight_recorder.window, %v", r.Last, window)
	}
	p, err := m.plan(StartRequest{Label: r.Label, Profilers: r.Profilers})
	if err != nil {
		return nil, err
	}
	p.procs = slices.DeleteFunc(p.procs, func(r Recorder) bool {
		_, measures := r.(*measuring) // it has nothing to measure in the past
		return measures
	})
	defaultTo(&r.Last, window)
	p.snapshot = &r
	return p, nil
}

// keepPast gives the processes' segments a place in the profile and has them exported in the background.
func (m *Manager) keepPast(p *entry) error {
	if err := p.makeDir(); err != nil {
		return dirError("make a snapshot", err)
	}
	m.change(p, func(v *View) { // written while the processes are asked: should the server die, its successor knows what this is
		v.EndedBy, v.Trigger, v.StartedAt = EndedBySnapshot, p.snapshot.Trigger, time.Now().UTC().Add(-p.snapshot.Last)
	})
	parts := m.flight.snapshot(p.recordingDir())
	now := time.Now().UTC()
	var culprits []Culprit
	m.change(p, func(v *View) {
		v.Processes = nil
		for _, part := range parts {
			if part.err != nil {
				culprits = append(culprits, Culprit{part.row.Process, part.err})
				part.row.Error = part.err.Error()
			}
			if part.err != nil || len(part.files) > 0 {
				v.Processes = append(v.Processes, part.row)
			}
			if part.row.Ended == ProcessDied {
				v.Warnings = append(v.Warnings, fmt.Sprintf("%s (pid %d) died; what it remembered is there", part.row.Process, part.row.PID))
			}
			p.files = append(p.files, part.files...)
		}
		if len(p.files) == 0 {
			return
		}
		v.State, v.EndedBy, v.Trigger = StateExporting, EndedBySnapshot, p.snapshot.Trigger
		v.StartedAt, v.StoppedAt = now.Add(-p.snapshot.Last), &now
		v.DurationS = p.snapshot.Last.Seconds()
		m.totals.start(v)
	})
	if len(p.files) == 0 {
		return &Error{Code: CodeRankUnavailable, Culprits: culprits, Message: "no process could give what it remembers: " + culpritsText(culprits)}
	}
	m.work.Go(func() {
		exports := m.exportPast(p, now)
		if i := slices.IndexFunc(exports, func(e exported) bool { return e.answered }); i >= 0 {
			p.requests.Store(int64(exports[i].reply.Table.Requests))
		}
		m.conclude(p, exports)
	})
	return nil
}

// exportPast has every profiler export the recording, at once.
func (m *Manager) exportPast(p *entry, stopped time.Time) []exported {
	out := make([]exported, len(p.exps))
	var taken names
	each(len(p.exps), func(i int) {
		out[i] = m.exportWith(m.base, p, p.exps[i], stopped, &taken, m.openAndFinish)
		m.change(p, func(v *View) { v.Exports[i] = out[i].row })
	})
	return out
}

// part is what one process gave for a snapshot.
type part struct {
	row   Process
	files []string
	err   error
}

// snapshot collects what is remembered: the ranks at once, then core, so that core's last clock pair is younger than any
// event, as at the stop of a profile.
func (d *deck) snapshot(dir string) []part {
	var mu sync.Mutex
	var parts []part
	add := func(p part) {
		mu.Lock()
		defer mu.Unlock()
		parts = append(parts, p)
	}
	take := func(g *ring) {
		d.mu.Lock()
		pid, dead := g.pid, slices.Clone(g.dead)
		d.mu.Unlock()
		for _, r := range dead {
			add(d.takeDead(g, r, dir))
		}
		if pid == 0 {
			return // down, or not told yet: it has nothing to give
		}
		row := d.m.row(g.r)
		row.PID = pid
		got := make(chan trace.SnapshotStats, 1)
		res := bounded(d.m.base, d.m.log, d.m.o.StopTimeout, func(ctx context.Context) error {
			st, err := g.r.Snapshot(ctx, trace.Snapshot{Dir: dir, Label: g.r.Label()})
			got <- st
			return err
		}, nil)
		if res.err == nil {
			add(part{row: row, files: (<-got).Segments})
			return
		}
		if down(g.r) == nil && g.r.PID() == pid {
			add(part{row: row, err: fmt.Errorf("snapshot: %w", res.err)})
			return
		}
		d.mu.Lock()
		dying := deadRing{g.dir, pid, time.Now()} // nobody has noticed yet
		d.mu.Unlock()
		add(d.takeDead(g, dying, dir))
	}
	ranks := d.rings
	last := len(ranks) - 1
	if ranks[last].r == d.m.o.Core {
		ranks = ranks[:last]
	}
	each(len(ranks), func(i int) { take(ranks[i]) })
	if len(ranks) == last {
		take(d.rings[last])
	}
	slices.SortStableFunc(parts, func(a, b part) int { return d.place(a.row) - d.place(b.row) })
	return parts
}

// place is where a process's row goes: in the order of the rings.
func (d *deck) place(row Process) int {
	return slices.IndexFunc(d.rings, func(g *ring) bool { return g.r.Label() == row.Process })
}

// takeDead links the segments of a process that has died.
func (d *deck) takeDead(g *ring, r deadRing, dir string) part {
	out := part{row: d.m.row(g.r)}
	out.row.PID, out.row.Ended = r.pid, ProcessDied
	for i, name := range deadSegments(r.dir) {
		to := fmt.Sprintf("%s.pid%d.%d%s", g.r.Label(), r.pid, i, segmentSuffix)
		switch err := trace.LinkSegment(filepath.Join(r.dir, name), filepath.Join(dir, to)); {
		case err == nil:
			out.files = append(out.files, to)
		case !errors.Is(err, os.ErrNotExist):
			out.err = fmt.Errorf("keep what it remembered: %w", err)
		}
	}
	return out
}

// row is a process's row before it has said anything.
func (m *Manager) row(r Recorder) Process {
	row := Process{Process: r.Label(), StageName: r.StageName(), PID: r.PID(), Losses: Losses{ByReason: map[string]uint64{}}}
	if _, profiler := r.(*measuring); r != m.o.Core && !profiler {
		stage, rank := r.Stage(), r.Rank()
		row.Stage, row.Rank = &stage, &rank
	}
	return row
}

// processOf is how a process is named in its segments; ranks know better themselves.
func (m *Manager) processOf(r Recorder) trace.Process {
	if r == m.o.Core {
		return trace.Process{Kind: trace.ProcessCore, Name: "core", Model: m.o.Model}
	}
	return trace.Process{Kind: trace.ProcessModel, Model: m.o.Model, Stage: r.Stage(), StageName: r.StageName(), Rank: r.Rank()}
}

// awaitSnapshot waits for a snapshot that is being exported, or for a profile of one request, which ends by itself: nobody
// who starts a profile asked for it.
func (m *Manager) awaitSnapshot(ctx context.Context) {
	m.mu.Lock()
	p := m.active
	m.mu.Unlock()
	if p == nil || p.snapshot == nil && !p.req.oneShot() {
		return
	}
	timer := time.NewTimer(m.o.StartTimeout)
	defer timer.Stop()
	select {
	case <-m.ended(p):
	case <-ctx.Done():
	case <-timer.C: // then the start says which one is active
	}
}

// since is the moment before which events are left out of a snapshot; the zero time for other profiles.
func (v *View) since() time.Time {
	if v.EndedBy == EndedBySnapshot || v.Trigger == TriggerCrash {
		return v.StartedAt
	}
	return time.Time{}
}
