package chrome

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// tailBytes is more than one process adds to the compressed end of one file.
const tailBytes = 2 << 10

// dayStart is the Unix time, in ns, of the day (UTC) that t lies in. A trace's times count from there: viewers keep a time as
// microseconds in a float64, which from a day's start is exact to 0.02 ns and from Kineto's, a quarter's, to 1 ns only.
func dayStart(t time.Time) int64 { return t.UTC().Truncate(24 * time.Hour).UnixNano() }

// head is what a file begins with, up to its list of events. rank is nil for the merged file.
func (s *sink) head(name string, rank *int) []byte {
	b := []byte("{\n\"schemaVersion\":1,\n\"displayTimeUnit\":\"ms\",\n\"baseTimeNanoseconds\":")
	b = strconv.AppendInt(b, s.base, 10)
	b = appendString(append(b, ",\n\"traceName\":"...), name)
	b = appendString(append(b, ",\n\"trace_id\":"...), s.profile.ID)
	b = appendString(append(b, ",\n\"host_name\":"...), s.profile.Host)
	if rank != nil {
		// HolisticTraceAnalysis looks for the rank by a pattern that wants the space.
		b = fmt.Appendf(b, ",\n\"distributedInfo\":{\"backend\":\"strobe\",\"rank\": %d}", *rank)
	}
	return append(b, ",\n\"traceEvents\":[\n"...)
}

// tail is what a file ends with. p is nil for the merged file.
func (s *sink) tail(sum profiler.Summary, p *process) []byte {
	var b []byte
	if len(s.processes) > 0 { // every line before ended with a comma
		last := p
		if last == nil {
			last = s.processes[0]
		}
		b = appendMeta(nil, "process_sort_index", last.pid, 0, "sort_index", strconv.AppendInt(nil, int64(sortIndex(last.recorded)), 10))
		b = append(b[:len(b)-len(",\n")], '\n')
	}
	about, err := json.Marshal(s.about(sum, p))
	if err != nil {
		about = []byte("{}") // strings and numbers only: it cannot happen
	}
	b = append(append(b, "],\n\"deviceProperties\":"...), s.deviceProperties(p)...)
	b = s.deviceMetadata(b, p)
	b = append(append(b, ",\n\"strobe\":"...), about...)
	return append(b, "\n}\n"...)
}

// about is what a file says of itself under "strobe".
type about struct {
	Version   string     `json:"version"`
	Profile   string     `json:"profile"`
	Label     string     `json:"label,omitempty"`
	Model     string     `json:"model,omitempty"`
	Synthetic bool       `json:"synthetic"`
	Started   time.Time  `json:"started"`
	Stopped   *time.Time `json:"stopped,omitempty"`
	Events    uint64     `json:"events"`
	Dropped   uint64     `json:"dropped"`              // the bound on the trace's bytes was reached
	Arrows    uint64     `json:"arrows_without_other"` // one end was not recorded
	// Losses of the file's processes by reason, what was not recorded.
	Losses map[string]uint64 `json:"losses,omitempty"`
	// Cost is what recording the file's processes took of their time, by their own measure; absent when none measured.
	Cost      *recording.Cost `json:"cost,omitempty"`
	Processes []aboutProcess  `json:"processes"`
}

// aboutProcess is one recorded process. Recorded counts what its recording holds, the others what the trace did with it.
type aboutProcess struct {
	Process   string            `json:"process"`
	Kind      string            `json:"kind"`
	Stage     *int              `json:"stage,omitempty"`
	StageName string            `json:"stage_name,omitempty"`
	Rank      *int              `json:"rank,omitempty"`
	PID       int               `json:"pid"`       // as the operating system knows it
	TracePID  int               `json:"trace_pid"` // as the trace shows it
	Host      string            `json:"host,omitempty"`
	Synthetic bool              `json:"synthetic"`
	Recorded  uint64            `json:"recorded"`
	Events    uint64            `json:"events"`
	Dropped   uint64            `json:"dropped"`
	Passed    uint64            `json:"passed_over"` // cannot be shown: not a number, too many at once
	Fitted    uint64            `json:"fitted"`      // moved, so that they overlap none in part
	Open      uint64            `json:"open"`
	Losses    map[string]uint64 `json:"losses,omitempty"` // by reason, what was not recorded
	Cost      *recording.Cost   `json:"cost,omitempty"`
	// DeviceEvents says whether the process recorded what its devices did, and why not; empty when it never tried.
	DeviceEvents string `json:"device_events,omitempty"`
}

func (s *sink) about(sum profiler.Summary, p *process) about {
	a := about{
		Version: version(), Profile: s.profile.ID, Label: s.profile.Label, Model: s.profile.Model, Started: s.profile.Started.UTC(),
		Processes: []aboutProcess{},
	}
	if !sum.Stopped.IsZero() {
		stopped := sum.Stopped.UTC()
		a.Stopped = &stopped
	}
	if p == nil {
		a.Arrows = s.requests.waiting()
	}
	var of []recording.Summary
	for _, o := range s.processes {
		if p != nil && o != p {
			continue
		}
		row := o.about(sum)
		if read := o.read(sum); read != nil {
			of = append(of, *read)
		}
		for reason, n := range row.Losses {
			if a.Losses == nil {
				a.Losses = map[string]uint64{}
			}
			a.Losses[reason] += n
		}
		a.Events += row.Events
		a.Dropped += row.Dropped
		a.Synthetic = a.Synthetic || row.Synthetic
		a.Processes = append(a.Processes, row)
	}
	a.Cost = recording.CostOf(of)
	return a
}

func (p *process) about(sum profiler.Summary) aboutProcess {
	r := p.recorded
	a := aboutProcess{
		Process: title(r), Kind: kindName(r.Kind), PID: r.PID, TracePID: p.pid, Host: r.Host, Synthetic: r.Synthetic,
		Events: p.written, Dropped: p.dropped, Passed: p.passed, Fitted: p.fitted,
	}
	if r.Kind == trace.ProcessModel {
		a.Stage, a.StageName, a.Rank = &r.Stage, r.StageName, &r.Rank
	}
	a.DeviceEvents = deviceEvents(r)
	if row := p.read(sum); row != nil {
		a.Recorded, a.Open, a.Losses, a.Cost = row.Events, row.Open, lossReasons(row.Lost), row.Cost()
	}
	return a
}

// read is the reader's row about the process; nil when there is none.
func (p *process) read(sum profiler.Summary) *recording.Summary {
	for i := range sum.Processes {
		if sum.Processes[i].Process == p.recorded {
			return &sum.Processes[i]
		}
	}
	return nil
}

func kindName(k trace.ProcessKind) string {
	switch k {
	case trace.ProcessCore:
		return "core"
	case trace.ProcessModel:
		return "model"
	}
	return "profiler"
}

// lossReasons is what was lost, without the reasons by which nothing was.
func lossReasons(l recording.Losses) map[string]uint64 {
	all := map[string]uint64{
		"full": l.Full, "not_ready": l.NotReady, "depth": l.Depth, "device": l.Device, "names": l.Names, "truncated": l.Truncated, "corrupt": l.Corrupt,
		"unknown": l.Unknown,
	}
	for reason, n := range all {
		if n == 0 {
			delete(all, reason)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
