package recording

import (
	"encoding/binary"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// cursor goes through the chunks of one track, as far as they are written.
type cursor struct {
	queue    []int64 // offsets of chunks, the current one first
	next     int     // position in the current chunk, 0 before its first record
	expected uint64  // ordinal of the chunk to come
	idle     bool    // nothing was there last time
	blocked  bool    // the consumer wanted no more
}

// consumer takes records. rest is what was read behind the record, possibly not yet committed; off is where the record
// lies in the file. When record reports false, it gets the same record again next time.
type consumer interface {
	chunkBegins()
	record(rec, rest []byte, off int64) bool
}

// read gives c all records up to the first that is not committed. buf has room for a chunk.
func (c *cursor) read(s *source, buf []byte, to consumer) {
	for len(c.queue) > 0 {
		// A chunk is complete when its successor had begun before it was read.
		complete := len(c.queue) > 1
		off := c.queue[0]
		if c.next == 0 {
			c.next = segment.ChunkHeader
			to.chunkBegins()
		}
		if c.idle && !complete && s.word(off+int64(c.next)) == 0 {
			return
		}
		data := buf[:segment.ChunkBytes-c.next]
		s.read(data, off+int64(c.next))
		var n int
		n, c.blocked = c.records(s, data, off+int64(c.next), to)
		c.next += n
		c.idle = n == 0
		if c.blocked || !complete {
			return
		}
		c.queue = c.queue[1:]
		c.next = 0
	}
}

// records gives data's records to a consumer. It returns how many bytes were consumed, and whether the consumer wants
// no more for now. A record that cannot be makes the rest of its chunk unreadable.
func (c *cursor) records(s *source, data []byte, off int64, to consumer) (pos int, blocked bool) {
	for pos+8 <= len(data) {
		h := segment.Head(binary.LittleEndian.Uint64(data[pos:]))
		if h == 0 {
			return pos, false
		}
		size := h.Bytes()
		if h.Kind() == 0 || size < 8 || size < segment.Fixed(h.Kind()) || size > len(data)-pos {
			s.proc.corrupt++
			return len(data), false
		}
		if !to.record(data[pos:pos+size], data[pos+size:], off+int64(pos)) {
			return pos, true
		}
		pos += size
	}
	return pos, false
}
