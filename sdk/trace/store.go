//go:build !race

package trace

import "unsafe"

const raceEnabled = false

// store writes a word of a record that is not committed yet.
func store(p unsafe.Pointer, offset int, v uint64) { *(*uint64)(unsafe.Add(p, offset)) = v }

// storeText copies text behind p, padded to a word (fresh memory is zero).
func storeText(p unsafe.Pointer, offset int, s string) {
	copy(unsafe.Slice((*byte)(unsafe.Add(p, offset)), len(s)), s)
}

// storeWords copies words behind p.
func storeWords(p unsafe.Pointer, offset int, w []uint64) {
	copy(unsafe.Slice((*uint64)(unsafe.Add(p, offset)), len(w)), w)
}
