package chrome

import (
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/flate"
)

// A deflate block holds about this much JSON. Larger blocks compress a little better, and each process holds one. At a bound on the
// files' size whole blocks are left out, so with a close bound they are smaller.
const (
	blockBytes      = 256 << 10
	blockBytesLeast = 4 << 10
	blocksPerLimit  = 8 // JSON is at least ten times as large as what it becomes, twice
)

// blockSize is how much JSON a block holds when all files together may have limit bytes; 0: any number.
func blockSize(limit int64) int {
	if limit == 0 {
		return blockBytes
	}
	return int(min(max(limit/blocksPerLimit, blockBytesLeast), blockBytes))
}

// block is a text compressed by itself: z may stand anywhere in a deflate stream.
type block struct {
	z   []byte // valid until the next call of pack
	crc uint32 // of the text
	n   int64  // bytes of the text
}

// packer compresses texts into blocks. Not safe for concurrent use.
type packer struct {
	w *flate.Writer
	z output
}

// output collects what the compressor writes.
type output []byte

func (o *output) Write(p []byte) (int, error) {
	*o = append(*o, p...)
	return len(p), nil
}

func newPacker(level int) (*packer, error) {
	p := &packer{z: make(output, 0, blockBytes/4)}
	w, err := flate.NewWriter(&p.z, level)
	if err != nil {
		return nil, fmt.Errorf("make a compressor: %w", err)
	}
	p.w = w
	return p, nil
}

// pack compresses text without a reference to what came before. A last block ends the deflate stream; any other is flushed to
// a byte's end.
func (p *packer) pack(text []byte, last bool) (block, error) {
	p.z = p.z[:0]
	p.w.Reset(&p.z)
	if _, err := p.w.Write(text); err != nil {
		return block{}, fmt.Errorf("compress: %w", err)
	}
	finish := p.w.Flush
	if last {
		finish = p.w.Close
	}
	if err := finish(); err != nil {
		return block{}, fmt.Errorf("compress: %w", err)
	}
	return block{z: p.z, crc: crc32.ChecksumIEEE(text), n: int64(len(text))}, nil
}
