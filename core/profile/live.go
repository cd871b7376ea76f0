package profile

import (
	"path/filepath"
	"sync"

	"github.com/strobe-dev/strobe/sdk/recording"
)

// live tells how much a profile has recorded so far. Its mutex is not the manager's: it reads files.
type live struct {
	mu    sync.Mutex
	tally *recording.Tally // nil: nobody has asked yet
	dir   string
}

// fill puts what is in the segments into the view of a profile that records. Each process counts a little less than it
// has recorded: the last few hundred events of each track come when it goes on to its next chunk.
func (l *live) fill(v *View) {
	if v.State != StateRecording && v.State != StateStopping {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tally == nil {
		l.tally = recording.NewTally(filepath.Join(l.dir, recordingName))
	}
	for i := range v.Processes {
		p := &v.Processes[i]
		if n, ok := l.tally.Count(p.Process + segmentSuffix); ok {
			p.Events, p.Bytes, p.Losses = n.Events, n.Bytes, lossesOf(n.Lost)
		}
	}
	v.sum()
}
