package trace

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// segmentFile is a segment that is being written.
type segmentFile struct {
	f        *os.File
	m        *mapping
	base     unsafe.Pointer // of m
	limit    int64
	recorded uint64       // which recording of the recorder this is part of
	after    uint64       // the recording whose open spans are carried here besides its own; 0 for none
	sequence uint64       // which segment of the recording
	reserved atomic.Int64 // bytes from the start that writers may touch
	full     atomic.Bool  // the disk is full: nothing more can be reserved for now
	wakeAt   atomic.Int64 // a writer that gets there kicks
	kick     chan struct{}
	mark     int64           // bytes at which marked is told, once; 0 for never
	marked   chan<- struct{} // has room for one
	ahead    int64           // bytes that the keeper populates ahead of the writers
	meta     meta

	// Of the keeper, before that of create:
	populated int64 // bytes from the start that cost no fault
	promised  bool  // a write to a reserved page cannot fail
	counted   counted
}

// loss is a reason for not recording an event: the offset of its counter in the header.
type loss int

// firstReserve is reserved before Start returns, and firstPopulate of it populated, less of
// a small segment; the keeper goes on from there.
const (
	firstReserve  = 8 << 20
	firstPopulate = 1 << 20
)

// create makes the file and its header.
func create(path string, h segment.Header, heap bool) (_ *segmentFile, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create segment: %w", err)
	}
	s := &segmentFile{f: f, limit: h.Limit, ahead: populateAhead, kick: make(chan struct{}, 1)}
	s.meta.seg = s
	defer func() {
		if err != nil {
			s.discard()
		}
	}()
	if heap {
		s.m = heapMapping(h.Limit)
		s.base = s.m.base
		s.reserved.Store(h.Limit)
	} else {
		if s.m, err = mapFile(f, h.Limit); err != nil {
			return nil, err
		}
		s.base = s.m.base
		if err = s.allotFirst(); err != nil {
			return nil, fmt.Errorf("reserve space in %s: %w", path, err)
		}
		_ = s.populate(min(firstPopulate, h.Limit/8&^4095)) // if not, writers pay for it
	}
	page := make([]byte, segment.HeaderBytes)
	h.Encode(page)
	for i := 8; i < segment.HeaderBytes; i += 8 {
		if w := *(*uint64)(unsafe.Pointer(&page[i])); w != 0 {
			store(s.base, i, w)
		}
	}
	atomic.StoreUint64((*uint64)(s.base), segment.Magic)
	return s, nil
}

// allotFirst takes the least that a recording needs when the disk does not have more.
func (s *segmentFile) allotFirst() error {
	s.promised = keepsPromises(s.f)
	if s.promised && s.allot(min(firstReserve, s.limit)) == nil {
		return nil
	}
	return s.allot(min(segment.MinBytes, s.limit))
}

// discard undoes create.
func (s *segmentFile) discard() {
	if s.m != nil {
		s.m.release()
	}
	_ = s.f.Close()
	_ = os.Remove(s.f.Name())
}

// word is a live word of the header.
func (s *segmentFile) word(offset int) *uint64 { return (*uint64)(unsafe.Add(s.base, offset)) }

// count adds lost events, or what else a counter of the header counts.
func (s *segmentFile) count(l loss, n uint64) { atomic.AddUint64(s.word(int(l)), n) }

// chunk takes the next chunk for a track, or tells why there is none. It may be called after the freeze: then it hands
// out scratch memory.
func (s *segmentFile) chunk(track uint32, ordinal uint64, isMeta bool) (unsafe.Pointer, loss) {
	limit := s.limit
	if !isMeta {
		limit -= segment.MetaChunks * segment.ChunkBytes
	}
	cursor := s.word(segment.OffChunks)
	for {
		n := atomic.LoadUint64(cursor)
		if n > uint64(s.limit/segment.ChunkBytes) {
			return nil, segment.OffFull // somebody else wrote into the file
		}
		off := segment.HeaderBytes + int64(n)*segment.ChunkBytes
		end := off + segment.ChunkBytes
		if end > limit {
			return nil, segment.OffFull
		}
		reserved := s.reserved.Load()
		if end > s.wakeAt.Load() {
			s.wake()
		}
		if end > reserved {
			if s.full.Load() {
				return nil, segment.OffFull
			}
			return nil, segment.OffNotReady
		}
		if !atomic.CompareAndSwapUint64(cursor, n, n+1) {
			continue
		}
		p := unsafe.Add(s.base, off)
		store(p, segment.OffChunkOrdinal, ordinal)
		commit(p, segment.Head(segment.ChunkMagic)|segment.Head(track)<<32)
		return p, 0
	}
}

// wake tells the recorder's goroutine that the reserve runs low.
func (s *segmentFile) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// used is the bytes of the header and all chunks taken.
func (s *segmentFile) used() int64 {
	n := min(atomic.LoadUint64(s.word(segment.OffChunks)), uint64(s.limit/segment.ChunkBytes))
	return segment.HeaderBytes + int64(n)*segment.ChunkBytes
}

// allot reserves space in the file up to a size, and lets writers go there. Where the file system keeps its promises, a
// page that is not populated yet costs its first writer a fault and nothing else; elsewhere all of it is populated first.
func (s *segmentFile) allot(to int64) error {
	from := s.reserved.Load()
	if to <= from {
		return nil
	}
	err := reserve(s.f, from, to-from)
	if errors.Is(err, errors.ErrUnsupported) {
		s.promised = false
		err = writeZeros(s.f, from, to-from)
	}
	if err == nil && !s.promised {
		err = s.populate(to)
	}
	if err == nil {
		s.reserved.Store(to)
	}
	return err
}

// populate makes pages writable without a fault, up to a size. Only one goroutine does it at a time.
func (s *segmentFile) populate(to int64) error {
	if s.m.heap != nil || to <= s.populated {
		return nil
	}
	err := populate(unsafe.Add(s.base, s.populated), to-s.populated)
	if errors.Is(err, errors.ErrUnsupported) {
		for off := s.populated; off < to; off += 4096 {
			atomic.AddUint64((*uint64)(unsafe.Add(s.base, off)), 0)
		}
		err = nil
	}
	if err == nil {
		s.populated = to
	}
	return err
}

// writeZeros allots a part of the file where the file system has no call for it.
func writeZeros(f *os.File, off, n int64) error {
	zeros := make([]byte, min(n, 1<<20))
	for n > 0 {
		k := min(n, int64(len(zeros)))
		if _, err := f.WriteAt(zeros[:k], off); err != nil {
			return err
		}
		off, n = off+k, n-k
	}
	return nil
}
