package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// source is one segment file. Nothing in it is trusted.
type source struct {
	name    string
	f       *os.File
	header  *segment.Header
	proc    *process
	begun   bool
	frozen  bool   // nothing will be added
	found   uint64 // chunks looked at
	scans   int    // how often chunks were looked for
	pending []uint64
	meta    cursor
	reading bool // the meta track
	err     error
}

// maxPending bounds chunks that were taken but never begun: a thread that died in between leaves one.
const maxPending = 4096

// openSource opens a segment. It returns segment.ErrNotYet for one that is still being made.
func openSource(dir, name string) (*source, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	page := make([]byte, segment.HeaderBytes)
	n, err := f.ReadAt(page, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		_ = f.Close()
		return nil, err
	}
	h, err := segment.Decode(page[:n])
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &source{name: name, f: f, header: h}, nil
}

// read fills b from off; what is beyond the end of the file is zero.
func (s *source) read(b []byte, off int64) {
	n, err := s.f.ReadAt(b, off)
	if n < len(b) {
		clear(b[n:])
		if err != nil && !errors.Is(err, io.EOF) && s.err == nil {
			s.err = fmt.Errorf("read %s: %w", s.name, err)
		}
	}
}

// word reads one word.
func (s *source) word(off int64) uint64 {
	var b [8]byte
	s.read(b[:], off)
	return binary.LittleEndian.Uint64(b[:])
}

// scan looks for chunks that were begun since, and hands them to their tracks. Whether the segment is frozen is read
// first, so that once it is, everything read later is final.
func (s *source) scan() {
	s.scans++
	s.frozen = s.word(segment.OffState) != segment.StateLive
	chunks := s.word(segment.OffChunks)
	if fi, err := s.f.Stat(); err == nil {
		room := max(0, fi.Size()-segment.HeaderBytes)
		chunks = min(chunks, uint64((room+segment.ChunkBytes-1)/segment.ChunkBytes))
	}
	still := s.pending[:0]
	for _, i := range s.pending {
		if !s.begin(i) {
			still = append(still, i)
		}
	}
	s.pending = still
	for ; s.found < chunks; s.found++ {
		if s.begin(s.found) {
			continue
		}
		if len(s.pending) < maxPending {
			s.pending = append(s.pending, s.found)
		} else {
			s.proc.corrupt++
		}
	}
}

// begin hands a chunk to its track. It reports false when the chunk is not begun yet.
func (s *source) begin(i uint64) bool {
	off := segment.HeaderBytes + int64(i)*segment.ChunkBytes
	var b [16]byte
	s.read(b[:], off)
	commit := binary.LittleEndian.Uint64(b[:])
	ordinal := binary.LittleEndian.Uint64(b[8:])
	if commit == 0 {
		return false
	}
	if uint32(commit) != segment.ChunkMagic {
		s.proc.corrupt++
		return true
	}
	c := &s.meta
	if id := uint32(commit >> 32); id != 0 {
		t := s.proc.track(id)
		if t == nil {
			s.proc.corrupt++
			return true
		}
		c = &t.at
	}
	if ordinal != c.expected {
		s.proc.corrupt++ // a chunk of the track is missing or out of place
	}
	c.expected = ordinal + 1
	c.queue = append(c.queue, off)
	return true
}

// readMeta reads names and clock pairs as far as there are any.
func (s *source) readMeta() {
	if s.reading {
		return // a fact there uses a name that is not defined before it
	}
	s.reading = true
	s.scan()
	s.meta.read(s, s.proc.follow.metaBuf, s)
	s.reading = false
}

// readPairs gets the clock pairs of all meta chunks, before anything else of the segment is read.
func (s *source) readPairs() {
	fi, err := s.f.Stat()
	if err != nil {
		return
	}
	chunk := make([]byte, segment.ChunkBytes)
	for off := int64(segment.HeaderBytes); off < fi.Size(); off += segment.ChunkBytes {
		if s.word(off) != uint64(segment.ChunkMagic) { // of no track
			continue
		}
		s.read(chunk, off)
		for b := chunk[segment.ChunkHeader:]; len(b) >= 8; {
			h := segment.Head(binary.LittleEndian.Uint64(b))
			n := h.Bytes()
			if h == 0 || n < 8 || n < segment.Fixed(h.Kind()) || n > len(b) {
				break // what is wrong is counted when it is read as a record
			}
			if h.Kind() == segment.KindPair {
				s.proc.pair(pairOf(b))
			}
			b = b[n:]
		}
	}
}

func pairOf(rec []byte) clockPair {
	le := binary.LittleEndian
	return clockPair{le.Uint64(rec[8:]), int64(le.Uint64(rec[16:])), int64(le.Uint64(rec[24:]))}
}

func (s *source) chunkBegins() {}

func (s *source) record(rec, _ []byte, _ int64) bool {
	le := binary.LittleEndian
	h := segment.Head(le.Uint64(rec))
	p := s.proc
	switch h.Kind() {
	case segment.KindName:
		if n := le.Uint64(rec[8:]); n <= uint64(len(rec)-segment.NameBytes) && n <= segment.MaxName {
			p.define(h.Name(), h.Depth(), rec[segment.NameBytes:segment.NameBytes+int(n)])
			return true
		}
		p.corrupt++
	case segment.KindPair:
		if !p.pair(pairOf(rec)) {
			p.corrupt++
		}
	case segment.KindFact:
		p.fact(h, rec)
	default:
		p.pass(h)
	}
	return true
}

// losses reads the header's counters.
func (s *source) losses() trace.Losses {
	return trace.Losses{
		Full: s.word(segment.OffFull), NotReady: s.word(segment.OffNotReady), Names: s.word(segment.OffNames),
		Truncated: s.word(segment.OffTruncated), Depth: s.word(segment.OffDepth), Device: s.word(segment.OffDevice),
	}
}

// bytes is how much of the file is used.
func (s *source) bytes() int64 {
	return segment.HeaderBytes + int64(s.found)*segment.ChunkBytes
}
