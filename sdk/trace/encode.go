package trace

import (
	"encoding/binary"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// encode appends arguments in the form that segments hold, up to limit bytes in all. It returns how many were cut or
// left out.
func encode(w []uint64, args []Arg, limit int) (_ []uint64, cut uint64) {
	for i := range args {
		a := &args[i]
		if a.text != "" {
			var c bool
			if w, c = encodeText(w, a, limit); c {
				cut++
			}
			continue
		}
		if 8*len(w)+segment.ArgBytes > limit {
			cut++
			continue
		}
		w = append(w, a.word, a.bits)
	}
	return w, cut
}

func encodeText(w []uint64, a *Arg, limit int) (_ []uint64, cut bool) {
	room := limit - 8*len(w) - segment.ArgBytes
	if room < 0 {
		return w, true
	}
	text := segment.Cut(a.text, min(segment.MaxString, room&^7))
	w = append(w, a.word, uint64(len(text)))
	for s := text; len(s) > 0; {
		var b [8]byte
		n := copy(b[:], s)
		w = append(w, binary.LittleEndian.Uint64(b[:]))
		s = s[n:]
	}
	return w, len(text) < len(a.text)
}

// plain tells whether all arguments are 16 bytes each and few enough not to be cut: then they are copied as they are.
func plain(args []Arg) bool {
	for i := range args {
		if args[i].text != "" {
			return false
		}
	}
	return len(args) <= segment.MaxArgs/segment.ArgBytes
}
