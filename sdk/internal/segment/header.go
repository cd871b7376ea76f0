package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrNotYet says that the header is not complete: the segment is being made.
var ErrNotYet = errors.New("segment is being made")

// Header is the decoded header page, its live words not included.
type Header struct {
	Kind      uint8
	Synthetic bool
	PID       uint32
	Stage     int32
	Rank      int32
	Clock     uint8
	Rate      uint64 // ticks a second, as calibrated before the start; 0 when unknown
	Limit     int64  // largest size of the file in bytes
	Recording uint64 // which recording of the process, from 1
	Sequence  uint64 // which segment of the recording, from 0
	ProcessID uint64 // random, so that a pid used twice is told apart
	EventCost uint32 // picoseconds that recording a span takes here, as measured before the start; 0 unknown
	Cores     uint32 // processors of the machine; 0 unknown

	BootID, Host, Name, Model, StageName string
}

// Encode writes the header into a page, all but the magic, which the writer stores last.
func (h *Header) Encode(page []byte) {
	le := binary.LittleEndian
	le.PutUint64(page[OffVersion:], Version|HeaderBytes<<32)
	le.PutUint64(page[OffSizes:], ChunkBytes)
	flags := uint64(0)
	if h.Synthetic {
		flags = FlagSynthetic
	}
	le.PutUint64(page[OffProcess:], uint64(h.Kind)|flags<<32)
	le.PutUint64(page[OffPID:], uint64(h.PID))
	le.PutUint64(page[OffPosition:], uint64(uint32(h.Stage))|uint64(uint32(h.Rank))<<32)
	le.PutUint64(page[OffClock:], uint64(h.Clock))
	le.PutUint64(page[OffRate:], h.Rate)
	le.PutUint64(page[OffLimit:], uint64(h.Limit))
	le.PutUint64(page[OffRecording:], h.Recording)
	le.PutUint64(page[OffSequence:], h.Sequence)
	le.PutUint64(page[OffProcessID:], h.ProcessID)
	le.PutUint64(page[OffCost:], uint64(h.EventCost)|uint64(h.Cores)<<32)
	for _, t := range h.texts() {
		clear(page[t.off : t.off+t.room])
		copy(page[t.off:t.off+t.room-1], Cut(*t.text, t.room-1))
	}
}

type text struct {
	off, room int
	text      *string
}

func (h *Header) texts() [5]text {
	return [5]text{
		{OffBootID, BootIDRoom, &h.BootID},
		{OffHost, TextRoom, &h.Host},
		{OffName, TextRoom, &h.Name},
		{OffModel, TextRoom, &h.Model},
		{OffStageName, TextRoom, &h.StageName},
	}
}

// Decode reads a header page. It returns [ErrNotYet] while the magic is zero or the page is short.
func Decode(page []byte) (*Header, error) {
	le := binary.LittleEndian
	if len(page) < HeaderBytes || le.Uint64(page[OffMagic:]) == 0 {
		return nil, ErrNotYet
	}
	if m := le.Uint64(page[OffMagic:]); m != Magic {
		return nil, fmt.Errorf("not a segment: magic %#x", m)
	}
	v := le.Uint64(page[OffVersion:])
	if uint32(v) != Version {
		return nil, fmt.Errorf("segment of version %d: this reader knows version %d", uint32(v), Version)
	}
	if v>>32 != HeaderBytes || uint32(le.Uint64(page[OffSizes:])) != ChunkBytes {
		return nil, fmt.Errorf("segment with a header of %d and chunks of %d bytes: version %d has %d and %d",
			v>>32, uint32(le.Uint64(page[OffSizes:])), Version, HeaderBytes, ChunkBytes)
	}
	p := le.Uint64(page[OffProcess:])
	pos, cost := le.Uint64(page[OffPosition:]), le.Uint64(page[OffCost:])
	h := &Header{
		Kind: uint8(p), Synthetic: p>>32&FlagSynthetic != 0, PID: uint32(le.Uint64(page[OffPID:])),
		Stage: int32(uint32(pos)), Rank: int32(uint32(pos >> 32)), Clock: uint8(le.Uint64(page[OffClock:])),
		Rate: le.Uint64(page[OffRate:]), Limit: int64(le.Uint64(page[OffLimit:])),
		Recording: le.Uint64(page[OffRecording:]), Sequence: le.Uint64(page[OffSequence:]), ProcessID: le.Uint64(page[OffProcessID:]),
		EventCost: uint32(cost), Cores: uint32(cost >> 32),
	}
	for _, t := range h.texts() {
		s, _, _ := strings.Cut(string(page[t.off:t.off+t.room]), "\x00")
		*t.text = strings.ToValidUTF8(s, "\uFFFD")
	}
	return h, nil
}

// Cut is the longest prefix of s of at most n bytes that does not end within a character.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := n; i > n-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:n]
}
