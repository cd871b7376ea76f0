package recording

import (
	"iter"
	"time"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// Process is who recorded: one per segment, shared by the segments of one process.
type Process struct {
	trace.Process
	PID    int
	Host   string
	BootID string
	// EventNs is what recording a span took the process, as it measured itself, in nanoseconds; 0 when it did not say.
	EventNs float64
	Cores   int // processors of its machine; 0 when it did not say
	// Facts that the process has recorded so far of itself and of its devices. They may come late, and be replaced.
	Facts []Fact
	// Segments read so far of this process, file names relative to the recording's folder.
	Segments []string
}

// Track is one timeline of a process.
type Track struct {
	Process *Process
	ID      uint32 // unique in the process, from 1
	Name    string
	Group   string // the pool a lane belongs to; empty for a plain track
	// Device tracks (kernels and copies): their spans may overlap and come in no order. So do those of Calls, the calls that
	// one thread made to a device's runtime and driver. Spans of both have Work.
	Device    bool
	DeviceID  int // index of the device, -1 when it is not known
	ContextID uint32
	StreamID  uint32
	Calls     bool
	ThreadID  uint32 // the system's number of the thread, of Calls
}

// Name is an interned name. Names are shared: a pointer may serve as a cache key.
type Name struct {
	Text     string
	Category trace.Category
}

// Kind of an event.
type Kind uint8

// Kinds of event.
const (
	Span    Kind = 1 + iota // Start, End
	Instant                 // Start
	Counter                 // Start, Value
	FlowOut                 // Start, Flow: an arrow leaves the span that encloses Start on this track
	FlowIn                  // Start, Flow: an arrow arrives
)

// Event is one event in Unix nanoseconds. It and everything it points to but Track, Name and Process
// is valid only until Consume returns.
type Event struct {
	Kind    Kind
	Open    bool   // a span that had not ended when the recording did; End is then the recording's last moment
	Float   bool   // a counter: Value is meaningful as float, else it is a whole number
	Depth   uint16 // how many spans of the track enclose a span, 0 for the outermost
	Track   *Track
	Name    *Name
	Start   int64   // ns since 1970-01-01 UTC
	End     int64   // ns since 1970-01-01 UTC, spans only
	Seq     uint64  // the span's number within its track, from 1, in order of begin
	Parent  uint64  // Seq of the enclosing span on the track; 0 for none
	Value   float64 // counters
	Flow    uint64  // flows
	Request string  // the request that the event belongs to; empty for none
	Work    Work    // of spans on device tracks and on tracks of calls
	Args    []Arg
}

// Arg is one argument. Value by type: Int and Bool in Int, Float in Float, names, strings and shapes in Text.
// Shapes are validated JSON: an array of arrays of integers.
type Arg struct {
	Key   *Name
	Type  trace.Type
	Int   int64
	Float float64
	Text  string
}

// Batch is a run of events of one process, per track in order of their ends (device tracks in no order).
type Batch struct {
	Process *Process
	Events  []Event
}

// Losses of a whole recording.
type Losses struct {
	trace.Losses
	Corrupt uint64 // records that could not be read, or not be kept, and were passed over
	Unknown uint64 // records of kinds that came after this version, and were passed over: nothing is wrong with them
}

// Summary is what a reader knows at the end: one row a process.
type Summary struct {
	Process  *Process
	Events   uint64 // delivered
	Filtered uint64 // left out by [Options].Filter: they are in the recording, and no loss
	Bytes    int64
	Lost     Losses
	// Recorded is the time from the process's first clock reading to its last.
	Recorded time.Duration
	Open     uint64 // spans still open when the recording ended
	Error    string // why the segment is missing or was not read to its end; empty when all is well
}

// All is a helper for tests and small tools: the events of a batch.
func (b *Batch) All() iter.Seq[*Event] {
	return func(yield func(*Event) bool) {
		for i := range b.Events {
			if !yield(&b.Events[i]) {
				return
			}
		}
	}
}
