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
	Complete, Failed      uint64 // profiles that ended
	Recovered             uint64 // profiles of servers that had ended, finished by this one
	EndedBy               map[EndedBy]uint64
	Events                uint64 // recorded by profiles that ended
	Bytes                 uint64 // of their recordings and artifacts
	Lost                  map[string]uint64
	Exports               map[string]ExportTotals // by profiler
}

// ExportTotals count one profiler's exports.
type ExportTotals struct {
	Complete, Failed uint64
	Seconds          float64 // spent between the end of recordings and the last artifacts
}

func (t *Totals) init() {
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
	s.Totals.EndedBy = maps.Clone(m.totals.EndedBy)
	s.Totals.Lost = maps.Clone(m.totals.Lost)
	s.Totals.Exports = maps.Clone(m.totals.Exports)
	return s
}
