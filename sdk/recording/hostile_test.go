package recording_test

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/recording/internal/hostile"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// sample is a segment with a record of each kind.
func sample() *file {
	f := newFile()
	f.name(1, trace.CategoryStep, "step").name(2, trace.CategoryOperator, "dit::linear").name(3, 0, "[[1,2]]")
	f.put(1, segment.KindTrack, 0, 0, append([]uint64{6 | 1<<32, 0, 0}, words("workerg")...)...)
	f.put(1, segment.KindRequest, 0, 0, append([]uint64{2}, words("r1")...)...)
	f.span(1, 0, 1, 100, 900, append(arg(2, trace.TypeInt, 5), append(arg(2, trace.TypeString, 5), words("hello")...)...)...)
	f.span(1, 1, 2, 200, 300, arg(2, trace.TypeShapes, 3)...)
	f.put(1, segment.KindInstant, 1, 2, append([]uint64{310}, arg(1, trace.TypeFloat, 1)...)...)
	f.put(1, segment.KindCount, 1, 2, 320, 7).put(1, segment.KindFlowOut, 1, 0, 330, 9)
	f.span(1, 1, 3, 400, 0).put(1, segment.KindEndArgs, 0, 0, append([]uint64{1}, arg(1, trace.TypeName, 2)...)...)
	f.chunk(1)
	f.span(1, 0, 4, 1000, 1100)
	return f
}

// readHostile reads bytes as a segment, live and at the end, and wants no more than bounded trouble.
func readHostile(t testing.TB, b []byte) (events int, err error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "core.seg"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	f := recording.Follow(dir, recording.Options{BatchEvents: 16})
	defer f.Close()
	count := func(x *recording.Batch) error {
		for e := range x.All() {
			events++
			if e.Track == nil || e.Name == nil || e.Kind == recording.Span && e.End < e.Start {
				t.Errorf("bad event %+v", e)
			}
			for _, a := range e.Args {
				if a.Key == nil {
					t.Errorf("argument without a key in %+v", e)
				}
			}
		}
		return nil
	}
	if _, err = f.Poll(context.Background(), count); err == nil {
		_, err = f.Finish(context.Background(), count)
	}
	return events, err
}

func TestHostileWords(t *testing.T) {
	good := sample().bytes()
	le := binary.LittleEndian
	nasty := []uint64{0, 1, math.MaxUint64, 1 << 63, 0xffff << 16, 1 | 1<<16, 1 | 0xffff<<16, 8 | 2<<16, uint64(segment.ChunkMagic) | 77<<32}
	used := []int{}
	for o := 0; o < len(good); o += 8 {
		if le.Uint64(good[o:]) != 0 {
			used = append(used, o)
		}
	}
	for _, o := range used {
		for _, w := range nasty {
			b := append([]byte(nil), good...)
			le.PutUint64(b[o:], w)
			if n, err := readHostile(t, b); err != nil || n > 100 {
				t.Fatalf("word %#x at %d: %d events, %v", w, o, n, err)
			}
		}
	}
}

func TestHostileNoise(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		b := sample().bytes()
		for range rnd.IntN(40) {
			b[rnd.IntN(len(b))] = byte(rnd.Uint32())
		}
		if _, err := readHostile(t, b[:rnd.IntN(len(b)+1)]); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHostileSizeTakesNoMemory claims many chunks, names and tracks in files that are mostly holes.
func TestHostileSizeTakesNoMemory(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "core.seg")
	b := sample().bytes()
	binary.LittleEndian.PutUint64(b[segment.OffChunks:], math.MaxUint64)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 256<<20); err != nil {
		t.Skip("no sparse files here:", err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, s := collect(t, dir)
	runtime.ReadMemStats(&after)
	if d := after.TotalAlloc - before.TotalAlloc; d > 16<<20 {
		t.Errorf("%d bytes allocated for an empty file", d)
	}
	if s[0].Events == 0 || s[0].Lost.Corrupt == 0 {
		t.Errorf("summary %+v", s[0])
	}
}

func TestTooManyNames(t *testing.T) {
	dir := t.TempDir()
	f := newFile()
	for i := range uint32(40) {
		f.chunk(0)
		for k := range uint32(3) {
			f.name(1+3*i+k, 0, string(make([]byte, 4000)))
		}
	}
	f.write(t, dir, "core.seg")
	fo := recording.Follow(dir, recording.Options{MaxMemory: 100_000})
	defer fo.Close()
	s, err := fo.Finish(context.Background(), nil)
	if err != nil || s[0].Lost.Corrupt < 90 {
		t.Errorf("%+v, %v", s, err)
	}
}

// FuzzFile feeds whole files.
func FuzzFile(f *testing.F) {
	f.Add(sample().bytes())
	f.Add([]byte("STBSEG1\x00"))
	for _, c := range hostile.Cases() {
		dir := f.TempDir()
		if err := c.Make(dir); err != nil {
			f.Fatal(err)
		}
		path := filepath.Join(dir, "core.seg")
		if fi, err := os.Stat(path); err == nil && fi.Size() <= 64<<10 {
			b, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := readHostile(t, b); err != nil {
			t.Error(err)
		}
	})
}

// FuzzRecords feeds the records of a meta chunk and of two chunks of a track, within a good file.
func FuzzRecords(f *testing.F) {
	s := sample()
	raw := func(w []uint64) (b []byte) {
		for _, x := range w {
			b = binary.LittleEndian.AppendUint64(b, x)
		}
		return b
	}
	f.Add(raw(s.chunks[0].words), raw(s.chunks[1].words), raw(s.chunks[2].words))
	f.Fuzz(func(t *testing.T, meta, one, two []byte) {
		b := sample().bytes()
		for i, p := range [][]byte{meta, one, two} {
			at := segment.HeaderBytes + i*segment.ChunkBytes
			room := b[at+segment.ChunkHeader : at+segment.ChunkBytes]
			clear(room)
			copy(room, p)
		}
		if _, err := readHostile(t, b); err != nil {
			t.Error(err)
		}
	})
}
