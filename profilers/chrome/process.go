package chrome

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// process is one recorded process: its block in the making, its rows, and its own file when it is a model's.
type process struct {
	recorded *recording.Process
	pid      int
	file     *gzFile // nil: only in the merged file
	name     string  // of the file

	buf     []byte // JSON lines of the block in the making
	filled  uint64 // recorded events in buf
	written uint64 // recorded events in the files
	dropped uint64 // left out because the trace reached its bound
	passed  uint64 // left out because they make no sense in a trace
	fitted  uint64 // moved so that they overlap none in part

	tracks    map[*recording.Track]*track
	order     []*track // as they were seen first
	last      *track   // the one looked up last
	operators int64    // tracks with operators
	steps     int
	devices   []*device
	devicesOn bool // what devices did is recorded, or may be
	waiting   int  // calls
	tids      numbers
	launches  pairs
	launcher  bool   // has launched device work
	launchKey uint64 // added to correlations, to keep those of several processes apart
}

// title is what viewers call the process.
func title(p *recording.Process) string {
	switch p.Kind {
	case trace.ProcessCore:
		return "core"
	case trace.ProcessModel:
		return fmt.Sprintf("stage %d %s rank %d (%s)", p.Stage, p.StageName, p.Rank, p.Name)
	}
	return fmt.Sprintf("profiler %s", p.Name)
}

// sortIndex orders processes: core, the ranks by stage, profilers.
func sortIndex(p *recording.Process) int {
	switch p.Kind {
	case trace.ProcessCore:
		return 0
	case trace.ProcessModel:
		return (p.Stage+1)*10_000 + p.Rank
	}
	return 4_000_000
}

// fileName is the artifact's name for a model's process. again counts the processes that had the same place before: a rank
// that was started anew.
func fileName(p *recording.Process, started time.Time, again int) string {
	suffix := ""
	if again > 0 {
		suffix = fmt.Sprintf("_restart%d", again)
	}
	return fmt.Sprintf("stage_%d_%s_%d_rank%d%s.pt.trace.json.gz", p.Stage, fileSafe(p.StageName), started.Unix(), p.Rank, suffix)
}

// fileSafe keeps what every file system and shell takes as it is.
func fileSafe(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '_'
	}, s)
}

// describe writes what viewers show as the process's name, labels and place among the others.
func (p *process) describe() {
	labels := "CPU"
	if p.recorded.Synthetic {
		labels = "CPU, synthetic weights"
	}
	p.describeProcess(p.pid, title(p.recorded), labels, sortIndex(p.recorded))
}

func (p *process) describeProcess(pid int, name, labels string, sort int) {
	p.buf = appendMeta(p.buf, "process_name", pid, 0, "name", appendString(nil, name))
	p.buf = appendMeta(p.buf, "process_labels", pid, 0, "labels", appendString(nil, labels))
	p.buf = appendMeta(p.buf, "process_sort_index", pid, 0, "sort_index", strconv.AppendInt(nil, int64(sort), 10))
}

func (p *process) describeThread(pid, tid int, name string, sort int) {
	p.buf = appendMeta(p.buf, "thread_name", pid, tid, "name", appendString(nil, name))
	p.buf = appendMeta(p.buf, "thread_sort_index", pid, tid, "sort_index", strconv.AppendInt(nil, int64(sort), 10))
}

// appendMeta adds a metadata event and its separator.
func appendMeta(b []byte, event string, pid, tid int, key string, value []byte) []byte {
	b = append(append(b, `{"ph":"M","name":"`...), event...)
	b = strconv.AppendInt(append(b, `","pid":`...), int64(pid), 10)
	b = strconv.AppendInt(append(b, `,"tid":`...), int64(tid), 10)
	b = append(append(b, `,"ts":0,"args":{"`...), key...)
	b = append(append(b, `":`...), value...)
	return append(b, "}},\n"...)
}
