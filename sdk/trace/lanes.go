package trace

import (
	"slices"
	"strconv"
	"sync"
)

// laneGroups are the pools of tracks by group.
type laneGroups struct {
	mu     sync.Mutex
	groups map[string]*laneGroup
}

type laneGroup struct {
	made int
	free []*Track // by lane, highest first
}

// Lane takes a track from a pool: "<group> N" with the lowest free N, from 0. It is for work that comes and goes, such
// as requests, so that a trace shows as many rows as there was work at once. Give it back with [Track.Release].
func (r *Recorder) Lane(group string) *Track {
	l := &r.lanes
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.groups[group]
	if g == nil {
		if l.groups == nil {
			l.groups = map[string]*laneGroup{}
		}
		g = &laneGroup{}
		l.groups[group] = g
	}
	if n := len(g.free); n > 0 {
		t := g.free[n-1]
		g.free = g.free[:n-1]
		return t
	}
	t := r.newTrack(group+" "+strconv.Itoa(g.made), group)
	t.lane, t.pool = g.made, g
	g.made++
	return t
}

// Release gives a lane back; spans that are open on it end. It must not be used afterwards. On a track that is no lane,
// and on a nil one, it does nothing.
func (t *Track) Release() {
	if t == nil || t.pool == nil {
		return
	}
	if t.depth > 0 {
		Span{t, 0, uint32(t.open[0].seq)}.end()
		t.depth = 0
	}
	t.SetRequest("")
	l := &t.rec.lanes
	l.mu.Lock()
	defer l.mu.Unlock()
	g := t.pool
	i, found := slices.BinarySearchFunc(g.free, t, func(a, b *Track) int { return b.lane - a.lane })
	if !found {
		g.free = slices.Insert(g.free, i, t)
	}
}

// detachFree makes the lanes that nobody has let go of a segment that was stopped.
func (l *laneGroups) detachFree() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range l.groups {
		for _, t := range g.free {
			t.detach()
		}
	}
}
