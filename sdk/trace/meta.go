package trace

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// meta is track 0 of a segment: names and clock pairs. Many goroutines write it, so it has a lock.
type meta struct {
	mu      sync.Mutex
	seg     *segmentFile
	p       unsafe.Pointer
	left    int
	ordinal uint64
	named   int  // how many of the process's names are defined in this segment
	closed  bool // frozen, or about to be
}

// define writes the names of list that the segment does not have yet, as far as there is room.
func (m *meta) define(list []nameKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ; m.named < len(list); m.named++ {
		if !m.put(uint32(m.named+1), list[m.named]) {
			return
		}
	}
}

// defineOne writes one name, in a segment that does not follow the table.
func (m *meta) defineOne(id uint32, k nameKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(id, k)
}

// put writes one definition. m.mu is held.
func (m *meta) put(id uint32, k nameKey) bool {
	n := segment.NameBytes + pad(len(k.text))
	p := m.room(n)
	if p == nil {
		return false
	}
	store(p, 8, uint64(len(k.text)))
	storeText(p, segment.NameBytes, k.text)
	commit(p, segment.MakeHead(segment.KindName, uint8(k.category), n, id))
	return true
}

// pair writes a clock pair.
func (m *meta) pair(c pair) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.room(segment.PairBytes)
	if p == nil {
		return
	}
	store(p, 8, c.ticks)
	store(p, 16, uint64(c.mono))
	store(p, 24, uint64(c.wall))
	store(p, 32, c.width)
	commit(p, segment.MakeHead(segment.KindPair, 0, segment.PairBytes, 0))
}

// fact writes a fact, and reports whether there was room.
func (m *meta) fact(n NameID, id uint64, args []uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	size := segment.FactBytes + 8*len(args)
	p := m.room(size)
	if p == nil {
		return false
	}
	store(p, 8, id)
	storeWords(p, segment.FactBytes, args)
	commit(p, segment.MakeHead(segment.KindFact, 0, size, uint32(n)))
	return true
}

// close stops further writes and returns how many names the segment defines.
func (m *meta) close() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return m.named
}

// room takes n bytes, or returns nil. m.mu is held.
func (m *meta) room(n int) unsafe.Pointer {
	if m.closed {
		return nil
	}
	if m.left < n {
		p, _ := m.seg.chunk(0, m.ordinal, true)
		if p == nil {
			return nil
		}
		m.ordinal++
		m.p, m.left = unsafe.Add(p, segment.ChunkHeader), segment.ChunkBytes-segment.ChunkHeader
	}
	p := m.p
	m.p = unsafe.Add(p, n)
	m.left -= n
	return p
}

// commit makes a record visible.
func commit(p unsafe.Pointer, h segment.Head) { atomic.StoreUint64((*uint64)(p), uint64(h)) }

// pad rounds up to whole words.
func pad(n int) int { return (n + 7) &^ 7 }
