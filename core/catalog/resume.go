package catalog

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// minResume is the room for events, in bytes, below which a restarted rank does not record on.
const minResume = 4 << 20

// taken is the recording that a rank was told to make. It outlives the process: its successor records on into a segment
// of its own, so that a profile has what came before the death and what came after.
type taken struct {
	by    *wire.Process // who records; nil: nobody
	start trace.Start   // what was asked for
	paths []string      // of the segments so far
	died  error         // how the first process ended that recorded
}

// next is where the successor of a process records that died: within what is left of the recording's bytes.
func (t *taken) next() (trace.Start, bool) {
	s := t.start
	s.Path = fmt.Sprintf("%s.%d.seg", strings.TrimSuffix(t.start.Path, ".seg"), len(t.paths)+1)
	if s.MaxBytes > 0 {
		for _, path := range t.paths {
			if info, err := os.Stat(path); err == nil {
				s.MaxBytes -= info.Size()
			}
		}
	}
	return s, s.MaxBytes == 0 || s.MaxBytes >= minResume
}

// resume has a process record on where a dead one had recorded. It does nothing when the recording was stopped meanwhile.
func (r *Rank) resume(ctx context.Context, dead, successor *wire.Process) {
	r.mu.Lock()
	s, room := r.recording.next()
	wanted := r.recording.by == dead && room
	r.mu.Unlock()
	if !wanted {
		return
	}
	log := r.catalog.options.Log.With("stage", r.StageName(), "rank", r.Rank())
	if _, err := successor.StartRecording(ctx, s); err != nil {
		log.Warn("record on after a restart", "error", r.judge(successor, err))
		return
	}
	r.mu.Lock()
	stopped := r.recording.by != dead
	if !stopped {
		r.recording.by = successor
		r.recording.paths = append(r.recording.paths, s.Path)
		if r.recording.died == nil {
			r.recording.died = dead.Err()
		}
	}
	r.mu.Unlock()
	if stopped {
		if _, err := successor.StopRecording(ctx); err != nil {
			log.Warn("stop a recording that nobody wants any more", "error", r.judge(successor, err))
		}
		return
	}
	log.Info("rank records on", "pid", successor.PID())
}
