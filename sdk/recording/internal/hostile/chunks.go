package hostile

import (
	"fmt"
	"path/filepath"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// chunks are chunks that cannot be.
func chunks() []Case {
	return []Case{
		one("ordinals twice, backwards and in a circle", 60, func(f *File) {
			for i, ordinal := range []uint64{0, 0, 5, 4, 3, huge} {
				f.Chunk(1, ordinal).Spans(uint64(i*10+1), 10)
			}
		}),
		one("a chunk of a track that nothing defines", 20, func(f *File) { good(f).Chunk(1<<32-1, 9).Spans(1, 10) }),
		one("another magic", 20, func(f *File) {
			good(f).Chunk(1, 1).Spans(11, 10).Chunk(1, 2).Spans(21, 10)
			f.Chunks[2].Magic = 0x12345678
		}),
		one("chunks that were never begun", 20, func(f *File) {
			good(f)
			for range 5000 {
				f.Chunks = append(f.Chunks, Chunk{})
			}
			f.Chunk(1, 1).Spans(11, 10)
		}),
		one("2^64-1 chunks in a file of 1 GiB that is a hole", 10, func(f *File) {
			good(f)
			f.Count, f.Size = huge, 1<<30
		}),
		one("no clock pair", 10, func(f *File) { f.Chunks = nil; good(f) }),
		{Name: "one segment in three files", Events: 10, Make: func(dir string) error {
			for _, name := range []string{"a.seg", "b.seg", "c.seg"} {
				if err := good(New()).Write(filepath.Join(dir, name)); err != nil {
					return err
				}
			}
			return nil
		}},
	}
}

// floods are more of something than a reader may keep.
func floods() []Case {
	return []Case{
		one("4,000 tracks", 4000, func(f *File) {
			for i := range uint32(4000) {
				f.Chunk(1+i*7, 0).Spans(1, 1)
			}
		}),
		one("names of 8 MiB", 10, func(f *File) {
			good(f)
			text := string(make([]byte, segment.MaxName))
			for i := range uint32(2000) {
				if i%3 == 0 {
					f.Chunk(0, uint64(i/3)+1)
				}
				f.Name(2+i, text, segment.MaxName)
			}
		}),
		one("names that are no UTF-8, each byte to become three", 10, func(f *File) {
			good(f)
			text := ""
			for range 2000 {
				text += "a\xff"
			}
			for i := range uint32(1000) {
				if i%3 == 0 {
					f.Chunk(0, uint64(i/3)+1)
				}
				f.Name(2+i, text, 4000)
			}
		}),
		one("100,000 clock pairs", 10, func(f *File) {
			good(f)
			for i := range uint64(100_000) {
				if i%400 == 0 {
					f.Chunk(0, i/400+1)
				}
				f.Pair(2e9+i*3, 2e9+i*3)
			}
		}),
		one("100 tracks with 200 open spans of 1 KiB each", 10, func(f *File) {
			good(f)
			args := make([]uint64, 0, 128)
			for range 64 {
				args = append(args, 1<<32|1, huge)
			}
			for track := range uint32(100) {
				for i := range uint64(200) {
					if i%15 == 0 {
						f.Chunk(2+track, i/15)
						id := fmt.Sprint(track, i, string(make([]byte, 1000)))
						f.Record(segment.KindRequest, 0, 0, append([]uint64{uint64(len(id))}, Text(id)...)...)
					}
					f.Record(segment.KindSpan, uint8(i), 1, append([]uint64{i, 0, i + 1}, args...)...)
				}
			}
		}),
	}
}
