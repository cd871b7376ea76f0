// Package hostile makes segments that no writer would: for tests of readers. Each case is a function of nothing, so that
// the files are the same everywhere and need not be committed.
package hostile

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// Case is a hostile recording.
type Case struct {
	Name string
	// Make writes the recording into an empty folder.
	Make func(dir string) error
	// Events that a reader gets at least: those before the damage, or beside it.
	Events uint64
	// Bad tells that the file is no segment: a reader says so and has no events.
	Bad bool
}

// File is a segment in the making. One tick is one nanosecond.
type File struct {
	Header segment.Header
	Chunks []Chunk
	Count  uint64 // what the header claims; 0: as many as there are
	Size   int64  // of the file; 0: as needed
}

// Chunk holds records as words.
type Chunk struct {
	Magic, Track uint32
	Ordinal      uint64
	Words        []uint64
}

// New is a segment of core with two clock pairs and a name.
func New() *File {
	f := &File{Header: segment.Header{
		Kind: 1, Clock: segment.ClockMonotonic, Rate: 1e9, PID: 7, BootID: "boot", Name: "core", Limit: 1 << 30, Recording: 1,
	}}
	f.Chunk(0, 0)
	f.Pair(0, 0)
	f.Pair(1e9, 1e9)
	f.Name(1, "step", 4)
	return f
}

// Chunk begins a chunk.
func (f *File) Chunk(track uint32, ordinal uint64) *File {
	f.Chunks = append(f.Chunks, Chunk{segment.ChunkMagic, track, ordinal, nil})
	return f
}

// Words adds words to the last chunk, whatever they mean.
func (f *File) Words(w ...uint64) *File {
	c := &f.Chunks[len(f.Chunks)-1]
	c.Words = append(c.Words, w...)
	return f
}

// Record adds a record of the right size.
func (f *File) Record(kind, depth uint8, name uint32, fields ...uint64) *File {
	return f.Words(uint64(segment.MakeHead(kind, depth, 8+8*len(fields), name))).Words(fields...)
}

// Pair adds a clock pair.
func (f *File) Pair(ticks, mono uint64) *File {
	return f.Record(segment.KindPair, 0, 0, ticks, mono, 1e18+ticks, 1)
}

// Name adds a name's definition that claims a length.
func (f *File) Name(id uint32, text string, length uint64) *File {
	return f.Record(segment.KindName, 0, id, append([]uint64{length}, Text(text)...)...)
}

// Spans adds n spans one after another, of sequence from on.
func (f *File) Spans(from, n uint64) *File {
	for i := from; i < from+n; i++ {
		f.Record(segment.KindSpan, 0, 1, 10*i, 10*i+5, i)
	}
	return f
}

// Text is a text as words.
func Text(s string) []uint64 {
	b := append([]byte(s), make([]byte, (8-len(s)%8)%8)...)
	w := make([]uint64, len(b)/8)
	for i := range w {
		w[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return w
}

// Write makes the file. Chunks that are nearly empty take little of the disk.
func (f *File) Write(path string) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("make hostile segment: %w", err)
	}
	defer out.Close()
	le := binary.LittleEndian
	page := make([]byte, segment.HeaderBytes)
	f.Header.Encode(page)
	le.PutUint64(page, segment.Magic)
	if f.Count == 0 {
		f.Count = uint64(len(f.Chunks))
	}
	le.PutUint64(page[segment.OffChunks:], f.Count)
	if _, err := out.WriteAt(page, 0); err != nil {
		return fmt.Errorf("make hostile segment: %w", err)
	}
	for i, c := range f.Chunks {
		b := le.AppendUint32(nil, c.Magic)
		b = le.AppendUint32(b, c.Track)
		b = le.AppendUint64(le.AppendUint64(b, c.Ordinal), 0)
		for _, w := range c.Words {
			b = le.AppendUint64(b, w)
		}
		if _, err := out.WriteAt(b[:min(len(b), segment.ChunkBytes)], segment.HeaderBytes+int64(i)*segment.ChunkBytes); err != nil {
			return fmt.Errorf("make hostile segment: %w", err)
		}
	}
	if f.Size == 0 {
		f.Size = segment.HeaderBytes + int64(len(f.Chunks))*segment.ChunkBytes
	}
	if err := out.Truncate(f.Size); err != nil {
		return fmt.Errorf("make hostile segment: %w", err)
	}
	return nil
}

// one is a case of one file.
func one(name string, events uint64, make func(f *File)) Case {
	return Case{Name: name, Events: events, Make: func(dir string) error {
		f := New()
		make(f)
		return f.Write(filepath.Join(dir, "core.seg"))
	}}
}

// good adds a track with ten spans before whatever comes.
func good(f *File) *File { return f.Chunk(1, 0).Spans(1, 10) }

const huge = math.MaxUint64

// Cases are all of them.
func Cases() []Case {
	return append(append(append(cut(), records()...), chunks()...), floods()...)
}
