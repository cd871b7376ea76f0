package trace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// finish freezes the file, counts what is in it, cuts it to its used size and closes it.
func (s *segmentFile) finish() (Stats, error) {
	err := s.m.freeze()
	if err == nil && s.m.heap != nil {
		err = s.flush()
	}
	if err != nil { // the mapping stays, and with it the file as it is
		return Stats{}, errors.Join(fmt.Errorf("freeze %s: %w", s.f.Name(), err), s.f.Close())
	}
	s.m.release()
	st, used, err := readStats(s.f, s.limit, &s.counted)
	if err == nil {
		var state [8]byte
		binary.LittleEndian.PutUint64(state[:], segment.StateFinished)
		_, err = s.f.WriteAt(state[:], segment.OffState)
	}
	return st, errors.Join(err, s.f.Truncate(used), s.f.Close())
}

// flush writes a segment of Go's heap into the file. A writer that comes too late may take another chunk meanwhile, which
// is not in the file.
func (s *segmentFile) flush() error {
	b := make([]byte, s.used())
	for i := range len(b) / 8 {
		binary.LittleEndian.PutUint64(b[8*i:], atomic.LoadUint64((*uint64)(unsafe.Add(s.base, 8*i))))
	}
	binary.LittleEndian.PutUint64(b[segment.OffChunks:], uint64(len(b)-segment.HeaderBytes)/segment.ChunkBytes)
	_, err := s.f.WriteAt(b, 0)
	return err
}

// readStats counts a frozen file, from where it is counted already.
func readStats(f *os.File, limit int64, done *counted) (_ Stats, _ int64, err error) {
	page := make([]byte, segment.HeaderBytes)
	if _, err := f.ReadAt(page, 0); err != nil {
		return Stats{}, 0, fmt.Errorf("read header: %w", err)
	}
	le := binary.LittleEndian
	n := min(le.Uint64(page[segment.OffChunks:]), uint64(limit/segment.ChunkBytes))
	st := Stats{
		Bytes:   segment.HeaderBytes + int64(n)*segment.ChunkBytes,
		Lost:    losses(func(off int) uint64 { return le.Uint64(page[off:]) }),
		EventNs: float64(eventCost()) / 1000,
	}
	st.Events, err = done.rest(f, int64(n))
	return st, st.Bytes, err
}

// countEvents counts the events of one chunk.
func countEvents(word func(off int) uint64) (n uint64) {
	for off := segment.ChunkHeader; off+segment.InstantBytes <= segment.ChunkBytes; {
		h := segment.Head(word(off))
		if h == 0 || h.Bytes() < 8 {
			break
		}
		if h.Counted() {
			n++
		}
		off += h.Bytes()
	}
	return n
}

func losses(word func(off int) uint64) Losses {
	return Losses{
		Full: word(segment.OffFull), NotReady: word(segment.OffNotReady), Names: word(segment.OffNames),
		Truncated: word(segment.OffTruncated), Depth: word(segment.OffDepth), Device: word(segment.OffDevice),
	}
}

// Stats is what the recording holds now; zero when the recorder is off. It looks at each chunk, which takes
// about a millisecond for a gigabyte.
func (r *Recorder) Stats() Stats {
	for {
		r.mu.Lock()
		s, epoch := r.seg, atomic.LoadUint32(&r.epoch)
		if s != nil {
			s.m.hold()
		}
		r.mu.Unlock()
		if s == nil {
			return Stats{}
		}
		st := s.stats()
		s.m.release()
		if atomic.LoadUint32(&r.epoch) == epoch { // else the segment may have been frozen meanwhile
			return st
		}
	}
}

// stats reads the mapping.
func (s *segmentFile) stats() Stats {
	st := Stats{
		Bytes:   s.used(),
		Lost:    losses(func(off int) uint64 { return atomic.LoadUint64(s.word(off)) }),
		EventNs: float64(eventCost()) / 1000,
	}
	st.Lost.Names += names.lost.Load()
	for off := int64(segment.HeaderBytes); off < st.Bytes; off += segment.ChunkBytes {
		chunk := unsafe.Add(s.base, off)
		if e := atomic.LoadUint64((*uint64)(unsafe.Add(chunk, segment.OffChunkEvents))); e != 0 {
			st.Events += e
			continue
		}
		st.Events += countEvents(func(off int) uint64 { return atomic.LoadUint64((*uint64)(unsafe.Add(chunk, off))) })
	}
	return st
}
