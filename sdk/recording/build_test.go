package recording_test

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// file makes a segment by hand: one tick is one nanosecond, and tick 0 is second 1 of 1970.
type file struct {
	header segment.Header
	state  uint64
	chunks []*chunk
	tracks map[uint32]*chunk // the last chunk of each
}

type chunk struct {
	track   uint32
	ordinal uint64
	words   []uint64
}

const second = 1_000_000_000

func newFile() *file {
	f := &file{
		header: segment.Header{Kind: 1, Clock: segment.ClockMonotonic, Rate: second, PID: 7, BootID: "boot", Name: "core", Limit: 1 << 30},
		state:  segment.StateFinished, tracks: map[uint32]*chunk{},
	}
	f.pair(0, 0)
	f.pair(1_000_000, 1_000_000)
	return f
}

// chunk begins a chunk for a track.
func (f *file) chunk(track uint32) *chunk {
	c := &chunk{track: track}
	if last := f.tracks[track]; last != nil {
		c.ordinal = last.ordinal + 1
	}
	f.tracks[track] = c
	f.chunks = append(f.chunks, c)
	return c
}

// put adds a record to a track's last chunk.
func (f *file) put(track uint32, kind, depth uint8, name uint32, words ...uint64) *file {
	c := f.tracks[track]
	if c == nil {
		c = f.chunk(track)
	}
	h := segment.MakeHead(kind, depth, 8+8*len(words), name)
	c.words = append(append(c.words, uint64(h)), words...)
	return f
}

func (f *file) pair(ticks, mono uint64) *file {
	return f.put(0, segment.KindPair, 0, 0, ticks, mono, second+ticks, 1)
}

func (f *file) name(id uint32, c trace.Category, text string) *file {
	return f.put(0, segment.KindName, uint8(c), id, append([]uint64{uint64(len(text))}, words(text)...)...)
}

func (f *file) span(track uint32, depth uint8, seq, begin, end uint64, args ...uint64) *file {
	return f.put(track, segment.KindSpan, depth, 1, append([]uint64{begin, end, seq}, args...)...)
}

func words(s string) []uint64 {
	w := make([]uint64, (len(s)+7)/8)
	for i := range len(s) {
		w[i/8] |= uint64(s[i]) << (8 * (i % 8))
	}
	return w
}

func arg(key uint32, t trace.Type, v uint64) []uint64 {
	return []uint64{uint64(key)<<32 | uint64(t), v}
}

func (f *file) bytes() []byte {
	b := make([]byte, segment.HeaderBytes+len(f.chunks)*segment.ChunkBytes)
	f.header.Encode(b)
	le := binary.LittleEndian
	le.PutUint64(b, segment.Magic)
	le.PutUint64(b[segment.OffChunks:], uint64(len(f.chunks)))
	le.PutUint64(b[segment.OffState:], f.state)
	for i, c := range f.chunks {
		at := b[segment.HeaderBytes+i*segment.ChunkBytes:]
		le.PutUint32(at, segment.ChunkMagic)
		le.PutUint32(at[4:], c.track)
		le.PutUint64(at[8:], c.ordinal)
		for j, w := range c.words {
			le.PutUint64(at[segment.ChunkHeader+8*j:], w)
		}
	}
	return b
}

// write puts the segment into a folder.
func (f *file) write(t testing.TB, dir, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), f.bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// event is what tests compare: an event with everything it points to.
type event struct {
	Kind          recording.Kind
	Track, Name   string
	Open          bool
	Depth         uint16
	Start, End    int64
	Seq, Parent   uint64
	Value         float64
	Flow          uint64
	Request, Args string
}

func copyEvent(e *recording.Event) event {
	c := event{
		Kind: e.Kind, Track: e.Track.Name, Name: e.Name.Text, Open: e.Open, Depth: e.Depth, Start: e.Start, End: e.End,
		Seq: e.Seq, Parent: e.Parent, Value: e.Value, Flow: e.Flow, Request: e.Request,
	}
	for _, a := range e.Args {
		c.Args += showArg(a) + " "
	}
	return c
}

// collect reads a finished folder.
func collect(t testing.TB, dir string) ([]event, []recording.Summary) {
	t.Helper()
	var all []event
	s, err := recording.Read(context.Background(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			all = append(all, copyEvent(e))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, s
}
