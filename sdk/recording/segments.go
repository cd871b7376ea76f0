package recording

import (
	"fmt"
	"time"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// Segment is what a segment file says of itself. It is cheap to learn: no event is read.
type Segment struct {
	Name    string   // of the file
	Process *Process // who wrote it
	// Closed: the process ended the recording in order. Otherwise it still records, or it was ended while it did.
	Closed bool
	Bytes  int64 // of the file, on disk
	// Last is the moment of the last clock pair, at most a fraction of a second before the process's last event; zero
	// when there is none.
	Last time.Time
}

// Segments looks at every segment of a folder, core's first, then by stage and rank. Files that are no segments are left
// out; Finish and Read name them.
func Segments(dir string) ([]Segment, error) {
	f := Follow(dir, Options{})
	defer f.Close()
	if err := f.look(); err != nil {
		return nil, err
	}
	var all []Segment
	for _, p := range f.procs {
		for i, s := range p.sources {
			p.active = i // names are read for this one
			fi, err := s.f.Stat()
			if err != nil {
				return nil, fmt.Errorf("look at segment %s: %w", s.name, err)
			}
			s.readMeta()
			one := Segment{Name: s.name, Process: p.pub, Bytes: fi.Size(), Closed: s.word(segment.OffState) != segment.StateLive}
			if n := len(p.own.pairs); n > 0 {
				first, last := p.own.pairs[0], p.own.pairs[n-1]
				one.Last = time.Unix(0, addClamped(first.wall, last.mono-first.mono)).UTC()
			}
			all = append(all, one)
		}
	}
	return all, nil
}
