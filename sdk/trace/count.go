package trace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"unsafe"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// counted is how far the events of a segment are counted while it is recorded, so that a stop counts the rest only.
type counted struct {
	events uint64  // of the chunks that their tracks had left
	next   int64   // the chunk to be looked at next
	open   []int64 // chunks before it that had not been left
}

// advance goes on to the chunks that were taken since, and looks again at those that were in use. It reads the mapping.
func (c *counted) advance(s *segmentFile) {
	left := func(i int64) bool {
		n := atomic.LoadUint64((*uint64)(unsafe.Add(s.base, segment.HeaderBytes+i*segment.ChunkBytes+segment.OffChunkEvents)))
		c.events += n
		return n != 0
	}
	still := c.open[:0]
	for _, i := range c.open {
		if !left(i) {
			still = append(still, i)
		}
	}
	c.open = still
	for end := (min(s.used(), s.reserved.Load()) - segment.HeaderBytes) / segment.ChunkBytes; c.next < end; c.next++ {
		if !left(c.next) {
			c.open = append(c.open, c.next)
		}
	}
}

// rest counts what is left of n chunks, in the frozen file: a chunk that was left carries its number of events, in the
// others the heads are counted.
func (c *counted) rest(f *os.File, n int64) (events uint64, err error) {
	buf := make([]byte, segment.ChunkBytes)
	events = c.events
	count := func(i int64) error {
		off := segment.HeaderBytes + i*segment.ChunkBytes
		if _, err := f.ReadAt(buf[:segment.ChunkHeader], off); err != nil {
			return fmt.Errorf("read chunk %d: %w", i, err)
		}
		if e := binary.LittleEndian.Uint64(buf[segment.OffChunkEvents:]); e != 0 {
			events += e
			return nil
		}
		if _, err := f.ReadAt(buf, off); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read chunk %d: %w", i, err)
		}
		events += countEvents(func(off int) uint64 { return binary.LittleEndian.Uint64(buf[off:]) })
		return nil
	}
	for _, i := range c.open {
		if err := count(i); err != nil {
			return events, err
		}
	}
	for i := c.next; i < n; i++ {
		if err := count(i); err != nil {
			return events, err
		}
	}
	return events, nil
}
