package recording

import (
	"encoding/binary"
	"os"
	"path/filepath"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Tally tells how much is in segments that are being written, without reading an event: a few bytes of each chunk that
// its track has left since the last time. It is not safe for concurrent use.
type Tally struct {
	dir   string
	files map[string]*counted
}

// Count is what a segment holds.
type Count struct {
	Events uint64 // at least: those in the chunk that each track is writing are not counted
	Bytes  int64  // taken
	Lost   trace.Losses
}

// counted is how far a segment has been counted.
type counted struct {
	events uint64
	found  uint64   // chunks looked at
	open   []uint64 // chunks that their tracks had not left
}

// NewTally makes a tally of the segments in dir. It does no I/O.
func NewTally(dir string) *Tally { return &Tally{dir: dir, files: map[string]*counted{}} }

// Count counts one segment. It reports false when there is none of that name, or it is still in the making.
func (c *Tally) Count(name string) (Count, bool) {
	f, err := os.Open(filepath.Join(c.dir, name))
	if err != nil {
		return Count{}, false
	}
	defer f.Close()
	var page [segment.HeaderBytes]byte
	if _, err := f.ReadAt(page[:], 0); err != nil {
		return Count{}, false
	}
	if _, err := segment.Decode(page[:]); err != nil {
		return Count{}, false
	}
	info, err := f.Stat()
	if err != nil {
		return Count{}, false
	}
	at := c.files[name]
	if at == nil {
		at = &counted{}
		c.files[name] = at
	}
	word := func(off int) uint64 { return binary.LittleEndian.Uint64(page[off:]) }
	room := uint64(max(0, info.Size()-segment.HeaderBytes)) / segment.ChunkBytes
	at.count(f, min(word(segment.OffChunks), room))
	return Count{
		Events: at.events,
		Bytes:  segment.HeaderBytes + int64(at.found)*segment.ChunkBytes,
		Lost: trace.Losses{Full: word(segment.OffFull), NotReady: word(segment.OffNotReady), Names: word(segment.OffNames),
			Truncated: word(segment.OffTruncated), Depth: word(segment.OffDepth), Device: word(segment.OffDevice)},
	}, true
}

// count looks at the chunks that are new, and again at those that were in use.
func (c *counted) count(f *os.File, chunks uint64) {
	still := c.open[:0]
	for _, i := range c.open {
		if !c.chunk(f, i) {
			still = append(still, i)
		}
	}
	c.open = still
	for ; c.found < chunks; c.found++ {
		if !c.chunk(f, c.found) && len(c.open) < maxPending {
			c.open = append(c.open, c.found)
		}
	}
}

// chunk counts a chunk once its track has left it, and reports whether that is so. Chunks without a track hold no events.
func (c *counted) chunk(f *os.File, i uint64) bool {
	var b [segment.ChunkHeader]byte
	if _, err := f.ReadAt(b[:], segment.HeaderBytes+int64(i)*segment.ChunkBytes); err != nil {
		return true
	}
	commit := binary.LittleEndian.Uint64(b[segment.OffChunkCommit:])
	if commit != 0 && commit>>32 == 0 {
		return true
	}
	n := binary.LittleEndian.Uint64(b[segment.OffChunkEvents:])
	c.events += min(n, segment.ChunkBytes/8) // nothing in a file is trusted
	return n != 0
}
