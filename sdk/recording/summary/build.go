package summary

import (
	"cmp"
	"slices"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Table is what has been added up so far.
func (a *Aggregator) Table() Table {
	t := Table{
		WallSeconds: seconds(max(a.last-a.first, 0)), Events: a.events, Open: a.open, Requests: a.requests,
		Sections: []Section{}, Losses: a.sumLosses(),
		Cost: recording.CostOf(a.losses),
	}
	if a.requests > 0 {
		slowest := a.slowest
		t.Slowest = &slowest
	}
	groups := a.groups()
	for _, g := range groups {
		t.Sections = append(t.Sections, section(g, t.WallSeconds))
	}
	if len(groups) < len(a.processes) {
		for _, g := range groups {
			for _, p := range g {
				t.Processes = append(t.Processes, section([]*process{p}, t.WallSeconds))
			}
		}
	}
	return t
}

// groups are the processes by section: core, stages, profilers; ranks in order.
func (a *Aggregator) groups() [][]*process {
	sorted := slices.SortedStableFunc(slices.Values(a.processes), func(x, y *process) int {
		return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.stage, y.stage), cmp.Compare(x.group(), y.group()), cmp.Compare(x.rank, y.rank))
	})
	var out [][]*process
	for _, p := range sorted {
		if n := len(out); n > 0 && out[n-1][0].kind == p.kind && out[n-1][0].stage == p.stage && out[n-1][0].group() == p.group() {
			out[n-1] = append(out[n-1], p)
			continue
		}
		out = append(out, []*process{p})
	}
	return out
}

// group tells profilers apart, which have no stage.
func (p *process) group() string {
	if p.kind == trace.ProcessProfiler {
		return p.name
	}
	return ""
}

func section(of []*process, wall float64) Section {
	first := of[0]
	s := Section{Kind: kindOfProcess(first.kind), Stage: first.stage, StageName: first.stageName, Ranks: ranks(of), Rows: []Row{}}
	if first.kind != trace.ProcessCore {
		s.Plugin = first.name
	}
	if len(of) == 1 {
		s.PID = first.pid
		if first.kind == trace.ProcessModel {
			rank := first.rank
			s.Rank = &rank
		}
	}
	rows := map[key]*row{}
	for _, p := range of {
		s.Events += p.events
		s.Synthetic = s.Synthetic || p.synthetic
		for k, r := range p.rows {
			if rows[k] == nil {
				rows[k] = &row{key: k}
			}
			rows[k].merge(r)
		}
	}
	s.Device = deviceOf(of)
	for _, r := range rows {
		s.Rows = append(s.Rows, r.result(wall*float64(s.Ranks)))
	}
	slices.SortFunc(s.Rows, func(x, y Row) int {
		return cmp.Or(cmp.Compare(kindOrder(x.Kind), kindOrder(y.Kind)), cmp.Compare(y.TotalSeconds, x.TotalSeconds), cmp.Compare(x.Name, y.Name))
	})
	return s
}

// ranks counts ranks, not processes: one that died and was started anew is still one.
func ranks(of []*process) int {
	seen := map[int]bool{}
	for _, p := range of {
		seen[p.rank] = true
	}
	return len(seen)
}

func (r *row) result(time float64) Row {
	out := Row{
		Name: r.name, Kind: kindOfName(r.category), Depth: int(r.depth), Count: r.hist.count,
		TotalSeconds: seconds(r.total), MinSeconds: seconds(r.min), MaxSeconds: seconds(r.max), P99Seconds: seconds(r.p99()),
	}
	if r.hist.count > 0 {
		out.MeanSeconds = out.TotalSeconds / float64(r.hist.count)
	}
	if time > 0 {
		out.Share = out.TotalSeconds / time
	}
	if r.hasFlops {
		flops := r.flops
		out.Flops = &flops
		if r.total > 0 {
			rate := float64(flops) / float64(r.total) // flops a ns are GFLOP/s
			out.GFLOPS = &rate
		}
	}
	return out
}

func (a *Aggregator) sumLosses() Losses {
	l := Losses{}
	add := func(reason string, n uint64) {
		if n == 0 {
			return
		}
		if l.ByReason == nil {
			l.ByReason = map[string]uint64{}
		}
		l.ByReason[reason] += n
	}
	for _, s := range a.losses {
		l.Total += s.Lost.Total() + s.Lost.Corrupt
		add("full", s.Lost.Full)
		add("not_ready", s.Lost.NotReady)
		add("depth", s.Lost.Depth)
		add("device", s.Lost.Device)
		add("names", s.Lost.Names)
		add("truncated", s.Lost.Truncated)
		add("corrupt", s.Lost.Corrupt)
		add("unknown", s.Lost.Unknown)
	}
	return l
}

func kindOfProcess(k trace.ProcessKind) string {
	switch k {
	case trace.ProcessCore:
		return "core"
	case trace.ProcessProfiler:
		return "profiler"
	}
	return "stage"
}

// kinds of row, by category, in the order in which a table shows them.
var kinds = []struct {
	category trace.Category
	name     string
}{
	{trace.CategoryRequest, "request"},
	{trace.CategoryStage, "stage"},
	{trace.CategoryStep, "step"},
	{trace.CategoryBlock, "block"},
	{trace.CategoryOperator, "operator"},
	{trace.CategoryRuntime, "runtime"},
	{trace.CategoryDevice, "device"},
	{trace.CategoryMemory, "memory"},
	{trace.CategoryCounter, "counter"},
	{trace.CategoryNone, "span"},
}

func kindOfName(c trace.Category) string {
	for _, k := range kinds {
		if k.category == c {
			return k.name
		}
	}
	return "span" // of a later version of the format
}

func kindOrder(name string) int {
	for i, k := range kinds {
		if k.name == name {
			return i
		}
	}
	return len(kinds)
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }
