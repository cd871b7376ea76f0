package trace

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// run has segments follow each other: in time, and when one is nearly full.
func (f *flight) run() {
	defer close(f.done)
	tick := time.NewTicker(f.Window / flightSegments)
	defer tick.Stop()
	for {
		select {
		case <-f.quit:
			return
		case <-tick.C:
		case <-f.full:
		}
		f.turn()
	}
}

// turn goes on to the next segment if it is time. When that fails the current one goes on until it is full, and events
// beyond are counted as lost.
func (f *flight) turn() {
	r := f.rec
	r.life.Lock()
	defer r.life.Unlock()
	switch {
	case r.flight != f:
	case r.keeper == nil: // it could not go on after a recording
		_ = f.begin(r.started)
	case r.flying && (time.Since(f.began) >= f.Window/flightSegments/2 || f.nearlyFull()):
		_ = f.rotate()
	}
}

// nearlyFull: a snapshot may have made a new segment since somebody said so.
func (f *flight) nearlyFull() bool {
	r := f.rec
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seg != nil && r.seg.used() >= r.seg.mark
}

// begin makes the flight's segment the current one while none is, or is about to go. after is the recording whose open
// spans are to be carried along.
func (f *flight) begin(after uint64) error {
	seg, err := f.open()
	if err != nil {
		return err
	}
	seg.after = after
	f.enter(seg)
	return nil
}

// enter makes seg current. It returns the segment before.
func (f *flight) enter(seg *segmentFile) *segmentFile {
	r := f.rec
	if r.keeper != nil {
		r.keeper.stop()
	}
	old := r.swap(seg)
	r.keeper = keep(r, seg)
	r.flying = true
	f.began = time.Now()
	return old
}

// open makes the next segment.
func (f *flight) open() (*segmentFile, error) {
	path := filepath.Join(f.Dir, fmt.Sprintf("%08d.seg", f.files))
	h := f.header
	h.Sequence = f.files
	seg, err := f.rec.open(path, h)
	if err != nil {
		return nil, err
	}
	f.files++
	seg.sequence = h.Sequence
	seg.ahead = seg.limit / 4 &^ 4095 // most segments end by their time, hardly used
	seg.mark, seg.marked = seg.limit/4*3, f.full
	return seg, nil
}

// rotate freezes the current segment and goes on in a new one. What is too old, or too much, goes first.
func (f *flight) rotate() error {
	f.trim(time.Now().Add(-f.Window))
	seg, err := f.open()
	if err != nil {
		return err
	}
	old := f.enter(seg)
	st, err := f.rec.finish(old)
	f.kept = append(f.kept, kept{old.f.Name(), old.sequence, st, time.Now()})
	f.rec.namesLost = names.lost.Load()
	f.rec.lanes.detachFree()
	return err
}

// trim removes segments that ended before a moment, and as many as make room for one more.
func (f *flight) trim(before time.Time) {
	for len(f.kept) > 0 && (f.kept[0].ended.Before(before) || f.bytes()+2*f.header.Limit > f.MaxBytes) {
		f.drop()
	}
}

// bytes is what the frozen segments take.
func (f *flight) bytes() (n int64) {
	for _, k := range f.kept {
		n += k.stats.Bytes
	}
	if f.file != nil {
		n += f.file.stats.Bytes
	}
	return n
}

// drop removes the oldest segment. Spans that are open at its end, and whose tracks have written nothing since, live on
// in the carrier's file.
func (f *flight) drop() {
	oldest := f.kept[0]
	f.kept = f.kept[1:]
	before := f.file
	f.carry.fold(oldest.path)  // what cannot be read is not carried
	_ = os.Remove(oldest.path) // first, so that the budget holds at any moment
	f.file = nil
	if !f.carry.empty() {
		h := f.header
		h.Sequence = oldest.sequence // it is read in the oldest's place
		path := filepath.Join(f.Dir, fmt.Sprintf("carried-%08d.seg", oldest.sequence))
		if st, err := f.carry.write(path, h); err == nil {
			f.file = &kept{path, oldest.sequence, st, oldest.ended}
		}
	}
	if before != nil {
		_ = os.Remove(before.path)
	}
}

// forget finishes the flight's current segment and removes all files.
func (f *flight) forget(current *segmentFile) {
	_, _ = f.rec.finish(current)
	_ = os.Remove(current.f.Name())
	for _, k := range f.kept {
		_ = os.Remove(k.path)
	}
	if f.file != nil {
		_ = os.Remove(f.file.path)
	}
	f.kept, f.file, f.carry = nil, nil, carrier{}
}

// LinkSegment gives the segment at from a second name, to, which must not exist; where the file system has no links it makes
// a copy. On error there is no file at to that was not there before.
func LinkSegment(from, to string) error {
	err := os.Link(from, to)
	if err == nil || os.IsExist(err) || os.IsNotExist(err) {
		return err
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if cerr := dst.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(to)
	}
	return err
}
