//go:build race

package trace

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"
)

const raceEnabled = true

func store(p unsafe.Pointer, offset int, v uint64) {
	atomic.StoreUint64((*uint64)(unsafe.Add(p, offset)), v)
}

func storeText(p unsafe.Pointer, offset int, s string) {
	for len(s) > 0 {
		var w [8]byte
		n := copy(w[:], s)
		store(p, offset, binary.LittleEndian.Uint64(w[:]))
		s, offset = s[n:], offset+8
	}
}

func storeWords(p unsafe.Pointer, offset int, w []uint64) {
	for i, v := range w {
		store(p, offset+8*i, v)
	}
}
