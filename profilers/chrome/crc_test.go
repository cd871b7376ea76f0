package chrome

import (
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

func TestCRCCombine(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 1<<20)
	for i := range text {
		text[i] = byte(rnd.Uint32())
	}
	for _, split := range []int{0, 1, 2, 7, 8, 255, 256, 65535, 65536, len(text) - 1, len(text)} {
		a, b := text[:split], text[split:]
		got := crcCombine(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), int64(len(b)))
		if want := crc32.ChecksumIEEE(text); got != want {
			t.Errorf("split at %d: %08x, want %08x", split, got, want)
		}
	}
}

func TestCRCCombineLongSecond(t *testing.T) {
	// 5 GiB of zeros, doubled from one MiB without holding them.
	zeros := make([]byte, 1<<20)
	crc, n := crc32.ChecksumIEEE(zeros), int64(len(zeros))
	for n < 4<<30 {
		crc, n = crcCombine(crc, crc, n), 2*n
	}
	want := uint32(0)
	for i := int64(0); i < 8; i++ { // the same length by eighths
		want = crcCombine(want, eighth(zeros, n/8), n/8)
	}
	if crc != want {
		t.Errorf("%d zeros: %08x by doubling, %08x by eighths", n, crc, want)
	}
}

func eighth(zeros []byte, n int64) uint32 {
	var crc uint32
	for ; n > 0; n -= int64(len(zeros)) {
		crc = crcCombine(crc, crc32.ChecksumIEEE(zeros), int64(len(zeros)))
	}
	return crc
}

func FuzzCRCCombine(f *testing.F) {
	f.Add([]byte("head"), []byte("tail"))
	f.Add([]byte{}, []byte{0})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		got := crcCombine(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), int64(len(b)))
		if want := crc32.ChecksumIEEE(append(append([]byte{}, a...), b...)); got != want {
			t.Errorf("%08x, want %08x", got, want)
		}
	})
}
