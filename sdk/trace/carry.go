package trace

import (
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"unsafe"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// carrier remembers the spans that are open in segments which have gone. A track that writes carries its open spans into
// the current segment itself; one that is idle cannot, and its writer must not be disturbed. So the spans are read from
// the frozen file: what has no end there, and whose track is in no later segment, is still open.
type carrier struct {
	tracks map[uint32]*carriedTrack
	pairs  []pair // by ticks
}

type carriedTrack struct {
	definition []byte // its record
	request    string // of the records that come
	open       []carriedSpan
	seen       bool // in the segment that is being read
}

// carriedSpan is a span's record as it was, and the request that it began under.
type carriedSpan struct {
	record  []byte
	request string
}

func (s *carriedSpan) head() segment.Head { return segment.Head(word(s.record, 0)) }

func word(b []byte, off int) uint64 { return binary.LittleEndian.Uint64(b[off:]) }

// empty tells whether there is nothing to carry.
func (c *carrier) empty() bool { return len(c.tracks) == 0 }

// fold takes the frozen segment that comes next. A track's open spans are all in the segment if the track is in it.
func (c *carrier) fold(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	if c.tracks == nil {
		c.tracks = map[uint32]*carriedTrack{}
	}
	for _, t := range c.tracks {
		t.seen = false
	}
	chunk := make([]byte, segment.ChunkBytes)
	for off := int64(segment.HeaderBytes); ; off += segment.ChunkBytes {
		n, err := f.ReadAt(chunk, off)
		if n < segment.ChunkHeader || err != nil && !errors.Is(err, io.EOF) {
			break
		}
		c.chunk(chunk[:n])
	}
	maps.DeleteFunc(c.tracks, func(_ uint32, t *carriedTrack) bool { return len(t.open) == 0 })
	c.prunePairs()
}

func (c *carrier) chunk(b []byte) {
	begin := word(b, segment.OffChunkCommit)
	if uint32(begin) != segment.ChunkMagic {
		return // taken by a writer that came too late
	}
	id := uint32(begin >> 32)
	t := c.tracks[id]
	if t == nil {
		t = &carriedTrack{}
		c.tracks[id] = t
	}
	if !t.seen {
		t.seen, t.open = true, nil
	}
	t.request = ""
	for off := segment.ChunkHeader; off+8 <= len(b); {
		h := segment.Head(word(b, off))
		size := h.Bytes()
		if h == 0 || size < 8 || size < segment.Fixed(h.Kind()) || size > len(b)-off {
			return
		}
		c.record(t, h, b[off:off+size])
		off += size
	}
}

func (c *carrier) record(t *carriedTrack, h segment.Head, b []byte) {
	switch h.Kind() {
	case segment.KindSpan:
		n := len(t.open)
		for n > 0 && t.open[n-1].head().Depth() >= h.Depth() {
			n--
		}
		t.open = t.open[:n]
		if word(b, 16) == 0 {
			t.open = append(t.open, carriedSpan{slices.Clone(b), t.request})
		}
	case segment.KindRequest:
		if n := word(b, 8); n <= uint64(len(b)-segment.RequestBytes) {
			t.request = string(b[segment.RequestBytes : segment.RequestBytes+int(n)])
		}
	case segment.KindTrack:
		t.definition = slices.Clone(b)
	case segment.KindPair:
		p := pair{word(b, 8), int64(word(b, 16)), int64(word(b, 24)), word(b, 32)}
		if n := len(c.pairs); n == 0 || p.ticks > c.pairs[n-1].ticks && p.mono >= c.pairs[n-1].mono {
			c.pairs = append(c.pairs, p)
		}
	}
}

// prunePairs keeps the pair before the oldest open span, and the last.
func (c *carrier) prunePairs() {
	oldest := ^uint64(0)
	for _, t := range c.tracks {
		for i := range t.open {
			oldest = min(oldest, word(t.open[i].record, 8))
		}
	}
	n := len(c.pairs)
	if n < 2 {
		return
	}
	i := n - 2
	for i > 0 && c.pairs[i].ticks > oldest {
		i--
	}
	c.pairs = append(c.pairs[:0], c.pairs[i], c.pairs[n-1])
}

// write makes a segment of the open spans. It is put together on Go's heap, so that the file never takes more than it
// needs: it is made while the budget of the flight is nearly used up.
func (c *carrier) write(path string, h segment.Header) (Stats, error) {
	h.Limit = min(h.Limit, segment.HeaderBytes+int64(2*len(c.tracks)+16)*segment.ChunkBytes)
	s, err := create(path, h, true)
	if err != nil {
		return Stats{}, err
	}
	for _, p := range c.pairs {
		s.meta.pair(p)
	}
	used := map[uint32]bool{}
	w := carryWriter{seg: s, used: used}
	for _, id := range slices.Sorted(maps.Keys(c.tracks)) {
		w.track(id, c.tracks[id])
	}
	names.mu.RLock()
	list := names.list
	names.mu.RUnlock()
	for _, id := range slices.Sorted(maps.Keys(used)) {
		if id > 0 && int(id) <= len(list) {
			s.meta.defineOne(id, list[id-1])
		}
	}
	return s.finish()
}

// carryWriter writes tracks into a segment that nobody else writes.
type carryWriter struct {
	seg       *segmentFile
	used      map[uint32]bool // names
	id        uint32
	ordinal   uint64
	p         unsafe.Pointer
	left      int
	inRequest string
}

func (w *carryWriter) track(id uint32, t *carriedTrack) {
	w.id, w.ordinal, w.left = id, 0, 0
	if t.definition != nil && w.room(len(t.definition)) {
		w.put(t.definition, 0)
	}
	for i := range t.open {
		s := &t.open[i]
		request := requestRecord(s.request)
		if !w.room(len(s.record) + len(request)) {
			w.seg.count(segment.OffFull, uint64(len(t.open)-i))
			return
		}
		if w.inRequest != s.request {
			w.put(request, 0)
			w.inRequest = s.request
		}
		w.put(s.record, segment.Again)
		w.names(s)
	}
}

// room makes sure that the next record fits, in a new chunk if need be.
func (w *carryWriter) room(n int) bool {
	if w.left >= n {
		return true
	}
	p, _ := w.seg.chunk(w.id, w.ordinal, false)
	if p == nil {
		return false
	}
	w.ordinal++
	w.inRequest = ""
	w.p, w.left = unsafe.Add(p, segment.ChunkHeader), segment.ChunkBytes-segment.ChunkHeader
	return true
}

func (w *carryWriter) put(b []byte, mark segment.Head) {
	for off := 8; off < len(b); off += 8 {
		store(w.p, off, word(b, off))
	}
	commit(w.p, segment.Head(word(b, 0))|mark)
	w.p = unsafe.Add(w.p, len(b))
	w.left -= len(b)
}

// names notes which names a span needs.
func (w *carryWriter) names(s *carriedSpan) {
	w.used[s.head().Name()] = true
	for b := s.record[segment.SpanBytes:]; len(b) >= segment.ArgBytes; {
		a, v := word(b, 0), word(b, 8)
		b = b[segment.ArgBytes:]
		w.used[uint32(a>>32)] = true
		switch Type(uint32(a)) {
		case TypeName, TypeShapes:
			w.used[uint32(v)] = true
		case TypeString:
			b = b[min(uint64(len(b)), (v+7)&^7):]
		}
	}
}

// requestRecord says which request the records that follow belong to.
func requestRecord(id string) []byte {
	b := make([]byte, segment.RequestBytes+pad(len(id)))
	le := binary.LittleEndian
	le.PutUint64(b, uint64(segment.MakeHead(segment.KindRequest, 0, len(b), 0)))
	le.PutUint64(b[8:], uint64(len(id)))
	copy(b[segment.RequestBytes:], id)
	return b
}
