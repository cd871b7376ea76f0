package profile

import "maps"

// Stats is a moment of the manager, for /metrics.
type Stats struct {
	ByState map[State]int // profiles that are kept, the active one included
	Active  string        // id; empty when none is
	Totals  Totals
}

// Totals count since the manager was made.
type Totals struct {
	Started, StartsFailed uint64
	StartedBy             map[string]uint64 // by what made them: OriginStart, OriginSnapshot or the kind of a trigger
	Complete, Failed      uint64            // profiles that ended
	Recovered             uint64            // profiles of servers that had ended, finished by this one
	EndedBy               map[EndedBy]uint64
	Events                uint64  // recorded by profiles that ended
	Bytes                 uint64  // of their recordings and artifacts
	RecordedSeconds       float64 // time that they covered
	// CostSeconds is the processors' time that recording took in it, as the processes estimate it themselves.
	CostSeconds float64
	Lost        map[string]uint64
	Exports     map[string]ExportTotals // by profiler
}

// ExportTotals count one profiler's exports.
type ExportTotals struct {
	Complete, Failed uint64
	Seconds          float64 // spent between the end of recordings and the last artifacts
}

// Origins of profiles that no trigger made.
const (
	OriginStart    = "start"    // a caller's start
	OriginSnapshot = "snapshot" // a caller's snapshot
)

// Origin is what made the profile: the kind of a trigger, OriginSnapshot or OriginStart.
func (v *View) Origin() string {
	switch {
	case v.Trigger != "":
		return v.Trigger
	case v.EndedBy == EndedBySnapshot:
		return OriginSnapshot
	}
	return OriginStart
}

// start counts a profile that has begun.
func (t *Totals) start(v *View) {
	t.Started++
	t.StartedBy[v.Origin()]++
}

func (t *Totals) init() {
	t.StartedBy = map[string]uint64{}
	t.EndedBy, t.Lost, t.Exports = map[EndedBy]uint64{}, map[string]uint64{}, map[string]ExportTotals{}
}

// add counts a profile that ended.
func (t *Totals) add(v View) {
	switch v.State {
	case StateComplete:
		t.Complete++
	case StateRecovered:
		t.Recovered++
	default:
		t.Failed++
	}
	t.EndedBy[v.EndedBy]++
	t.Events += v.Events
	t.Bytes += uint64(v.Bytes)
	t.RecordedSeconds += v.DurationS
	if v.Cost != nil {
		t.CostSeconds += v.Cost.CPUSeconds
	}
	for reason, n := range v.Losses.ByReason {
		t.Lost[reason] += n
	}
	t.countExports(v.Exports)
}

// addExport counts one profiler's later export of a profile that had so many bytes before.
func (t *Totals) addExport(v View, profiler string, before int64) {
	t.Bytes += uint64(max(v.Bytes-before, 0))
	for _, e := range v.Exports {
		if e.Profiler == profiler {
			t.countExports([]Export{e})
		}
	}
}

func (t *Totals) countExports(rows []Export) {
	for _, e := range rows {
		x := t.Exports[e.Profiler]
		if e.State == ExportComplete {
			x.Complete++
		} else {
			x.Failed++
		}
		x.Seconds += e.Seconds
		t.Exports[e.Profiler] = x
	}
}

// Stats is the manager as it is now. The value is the caller's own.
func (m *Manager) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Stats{ByState: map[State]int{}, Totals: m.totals}
	for _, p := range m.entries {
		s.ByState[p.view.State]++
	}
	if m.active != nil {
		s.Active = m.active.id
	}
	s.Totals.StartedBy = maps.Clone(m.totals.StartedBy)
	s.Totals.EndedBy = maps.Clone(m.totals.EndedBy)
	s.Totals.Lost = maps.Clone(m.totals.Lost)
	s.Totals.Exports = maps.Clone(m.totals.Exports)
	return s
}
