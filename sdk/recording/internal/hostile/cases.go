package hostile

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// cut are files that end too early, or are no segments.
func cut() []Case {
	sized := func(name string, size int64, events uint64, bad bool) Case {
		c := one(name, events, func(f *File) { good(f).Size = size })
		c.Bad = bad
		return c
	}
	second := int64(segment.HeaderBytes + segment.ChunkBytes)
	return []Case{
		{Name: "an empty file", Bad: true, Make: func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "core.seg"), nil, 0o600)
		}},
		{Name: "text", Bad: true, Make: func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "core.seg"), make([]byte, 10_000), 0o600)
		}},
		sized("a header cut in the magic", 5, 0, true),
		sized("a header cut in its texts", 300, 0, true),
		sized("a header alone", segment.HeaderBytes, 0, false),
		sized("cut in a chunk's magic", second+2, 0, false),
		sized("cut in a chunk's header", second+12, 0, false),
		sized("cut in a record", second+segment.ChunkHeader+5*segment.SpanBytes+12, 5, false),
		sized("cut in a head", second+segment.ChunkHeader+5*segment.SpanBytes+3, 5, false),
		one("a later version", 0, func(f *File) { good(f) }).later(),
	}
}

// later makes the file one of version 2.
func (c Case) later() Case {
	base := c.Make
	c.Bad = true
	c.Make = func(dir string) error {
		if err := base(dir); err != nil {
			return err
		}
		f, err := os.OpenFile(filepath.Join(dir, "core.seg"), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteAt([]byte{2}, segment.OffVersion)
		return err
	}
	return c
}

// records are records that cannot be.
func records() []Case {
	var all []Case
	for _, words := range []uint64{0, 1, 3, 2046, 65535} {
		all = append(all, one(fmt.Sprintf("a span of %d words", words), 10, func(f *File) {
			good(f).Words(segment.KindSpan|words<<16|1<<32, 1, 2, 3)
		}))
	}
	ticks := []uint64{1, 1<<63 - 1, 1 << 63, huge}
	for _, begin := range ticks {
		for _, end := range ticks {
			all = append(all, one(fmt.Sprintf("a span from tick %d to %d", begin, end), 10, func(f *File) {
				good(f).Record(segment.KindSpan, 0, 1, begin, end, 11)
			}))
		}
	}
	for _, t := range ticks {
		all = append(all, one(fmt.Sprintf("a clock pair at %d", t), 10, func(f *File) { f.Pair(t, 5).Pair(7, t).Pair(t, t); good(f) }))
	}
	return append(all,
		one("ends before begins", 11, func(f *File) {
			good(f).Record(segment.KindSpan, 0, 1, 200, 199, 11).Record(segment.KindSpan, 0, 1, 200, 201, 12)
		}),
		one("a sequence that is used again, and one that is huge", 11, func(f *File) {
			good(f).Spans(3, 4).Record(segment.KindSpan, 0, 1, 200, 201, huge).Spans(11, 5)
		}),
		one("a name of 2^64-1 bytes", 10, func(f *File) { f.Name(2, "x", huge).Name(3, "x", 17); good(f) }),
		one("names of id 0, 65,536 and 2^32-1", 10, func(f *File) { f.Name(0, "x", 1).Name(1<<16, "x", 1).Name(1<<32-1, "x", 1); good(f) }),
		one("names that nobody defined", 10, func(f *File) {
			good(f)
			for i := range uint32(200) {
				f.Record(segment.KindInstant, 0, 1<<31+i, uint64(1000+i), uint64(i)<<32|4, huge)
			}
		}),
		one("a track's name of 4 GiB", 10, func(f *File) {
			f.Chunk(1, 0).Record(segment.KindTrack, 0, 0, huge, huge, huge).Spans(1, 10)
		}),
		one("a request of 2^64-1 bytes", 10, func(f *File) { f.Chunk(1, 0).Record(segment.KindRequest, 0, 0, huge).Spans(1, 10) }),
		one("a text argument of 2^64-1 bytes", 11, func(f *File) {
			good(f).Record(segment.KindSpan, 0, 1, 200, 300, 11, 1<<32|5, huge, 0)
		}),
		one("arguments of types that there are not", 266, func(f *File) {
			good(f)
			for i := range uint64(256) {
				f.Record(segment.KindSpan, 0, 1, 200+i, 201+i, 11+i, i|0xff00|1<<32, huge)
			}
		}),
		one("depths at random", 10, func(f *File) {
			good(f)
			for i := range uint64(300) {
				f.Record(segment.KindSpan, uint8(i*i*7), 1, 200+i, 201+i, 11+i)
				f.Record(segment.KindEndArgs, 0, 0, i, 1<<32|1, i)
			}
		}),
		one("marked records of nothing", 10, func(f *File) {
			good(f)
			for i := range uint64(50) {
				f.Record(segment.KindSpan|segment.Again, 3, 1, 200, 0, huge-i)
				f.Record(segment.KindInstant|segment.Again, 9, 1, 200)
			}
		}),
		one("all kinds on every track", 10, func(f *File) {
			good(f)
			for _, track := range []uint32{0, 1, 2} {
				f.Chunk(track, 1)
				for kind := range 255 {
					f.Record(uint8(kind+1), 0, 1, 300, 0, 0, 0, 0, 0)
				}
			}
		}),
		one("facts without end, of names that come later or never", 10, func(f *File) {
			for i := range uint64(100) {
				f.Chunk(0, i+1)
				for k := range uint64(600) {
					f.Record(segment.KindFact, 0, uint32(k%7), 600*i+k)
				}
			}
			f.Record(segment.KindFact, 0, 1, 1, 1<<32|5, huge).Record(segment.KindFact, 0, 9, 1, 3<<32|4, 9)
			good(f)
		}),
		one("device work that cannot be", 12, func(f *File) {
			good(f)
			f.Chunk(2, 0).Record(segment.KindTrack, 0, 0, 0, 0, segment.FlagDevice<<32)
			for i := range uint64(100) {
				f.Record(segment.KindDeviceSpan, uint8(i), 1, 100+i, 99, 1, i, huge, huge)
			}
			f.Record(segment.KindDeviceSpan, 0, 1, 100, 200, 1, 0, 5, 1<<31).Record(segment.KindDeviceSpan, 0, 1, 100, 200, huge, 0, 0, huge)
			f.Record(segment.KindDeviceSpan|segment.Again, 0, 1, 100, 200, 2, 0, 0, 0)
		}),
		one("numbers that are none", 14, func(f *File) {
			good(f)
			for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64} {
				f.Record(segment.KindCountFloat, 0, 1, 300, math.Float64bits(v))
			}
		}),
	)
}
