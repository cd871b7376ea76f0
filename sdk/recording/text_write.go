package recording

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// textWriter prints one segment. Each line is parsed again at once: where the bytes that it gives are not those of the
// segment, the difference is printed as raw bytes.
type textWriter struct {
	w     io.Writer
	r     io.ReaderAt
	size  int64
	err   error
	names map[uint32]string // for the comments
	line  []byte
	back  recordParser
	buf   [segment.ChunkBytes]byte
	again [segment.ChunkBytes]byte // what the lines printed so far give
}

// textComment is how much of a name a comment shows, in bytes.
const textComment = 60

func (t *textWriter) printf(format string, a ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format, a...)
	}
}

func (t *textWriter) print(b []byte) {
	if t.err == nil {
		_, t.err = t.w.Write(b)
	}
}

// chunks is how many the file holds, the last one perhaps in part.
func (t *textWriter) chunks() int64 {
	return (max(0, t.size-segment.HeaderBytes) + segment.ChunkBytes - 1) / segment.ChunkBytes
}

// read fills b with what lies at off, and with zeros beyond the end.
func (t *textWriter) read(b []byte, off int64) error {
	b2 := b[:max(0, min(int64(len(b)), t.size-off))]
	clear(b[len(b2):])
	n, err := t.r.ReadAt(b2, off)
	if n == len(b2) {
		return nil
	}
	clear(b[n:])
	if errors.Is(err, io.EOF) { // it became shorter
		return nil
	}
	return err
}

// readNames collects what names the segment defines.
func (t *textWriter) readNames() error {
	t.names = map[uint32]string{}
	for i := range t.chunks() {
		off := segment.HeaderBytes + i*segment.ChunkBytes
		if err := t.read(t.buf[:8], off); err != nil {
			return err
		}
		if binary.LittleEndian.Uint64(t.buf[:]) != uint64(segment.ChunkMagic) { // the meta track is number 0
			continue
		}
		if err := t.read(t.buf[:], off); err != nil {
			return err
		}
		for rec := range records(t.buf[:]) {
			h := segment.Head(binary.LittleEndian.Uint64(rec))
			if h.Kind() != segment.KindName || h.Name() > segment.MaxNames {
				continue
			}
			n := min(binary.LittleEndian.Uint64(rec[8:]), uint64(len(rec)-segment.NameBytes))
			t.names[h.Name()] = segment.Cut(string(rec[segment.NameBytes:][:n]), textComment)
		}
	}
	return nil
}

// records goes through a chunk's records as far as they can be.
func records(chunk []byte) func(yield func(rec []byte) bool) {
	return func(yield func(rec []byte) bool) {
		for pos := segment.ChunkHeader; pos+8 <= len(chunk); {
			h := segment.Head(binary.LittleEndian.Uint64(chunk[pos:]))
			size := h.Bytes()
			if h.Kind() == 0 || size < 8 || size < segment.Fixed(h.Kind()) || size > len(chunk)-pos || !yield(chunk[pos:pos+size]) {
				return
			}
			pos += size
		}
	}
}

// header prints the header, a field a line.
func (t *textWriter) header(page []byte) {
	back := t.again[:segment.HeaderBytes]
	newHeader(back)
	s := structure("header")
	for i := range s.Fields {
		f := &s.Fields[i]
		if isDefault(f, page, back) {
			continue
		}
		t.line = append(append(append(t.line[:0], '\t'), f.Name...), '=')
		t.line = showField(t.line, page, f)
		t.setFields(back, s, t.line)
		t.line = comment(t.line, f.Doc)
		t.print(append(t.line, '\n'))
	}
	t.raw(page, back)
}

// isDefault tells whether a field may be left out: a fixed one that is as it must be, or scratch that is empty.
func isDefault(f *segment.Field, b, standard []byte) bool {
	same := bytes.Equal(b[f.Offset:f.Offset+f.Size], standard[f.Offset:f.Offset+f.Size])
	return same && (typeOf(f) == "" || get(standard, &segment.Field{Offset: f.Offset, Size: min(8, f.Size)}) != 0)
}

// setFields parses a printed line of fields into b. What it cannot is found by the comparison.
func (t *textWriter) setFields(b []byte, s *segment.Structure, line []byte) {
	list, err := tokens(nil, string(line))
	if err != nil {
		return
	}
	for i := range list {
		if f := fieldOf(s, list[i].key); f != nil {
			_ = setField(b, f, &list[i])
		}
	}
}

func fieldOf(s *segment.Structure, name string) *segment.Field {
	i := slices.IndexFunc(s.Fields, func(f segment.Field) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Fields[i]
}

// chunk prints a chunk that is not empty.
func (t *textWriter) chunk(i int64) {
	chunk, back := t.buf[:], t.again[:]
	if err := t.read(chunk, segment.HeaderBytes+i*segment.ChunkBytes); err != nil {
		t.err = err
		return
	}
	if zeros(chunk) {
		return
	}
	newChunk(back)
	s := structure("chunk_header")
	t.line = fmt.Appendf(t.line[:0], "chunk %d", i)
	for i := range s.Fields {
		f := &s.Fields[i]
		if isDefault(f, chunk, back) {
			continue
		}
		from := len(t.line)
		t.line = showField(append(append(append(t.line, ' '), f.Name...), '='), chunk, f)
		t.setFields(back, s, t.line[from:])
	}
	t.print(append(t.line, '\n'))
	pos := segment.ChunkHeader
	for rec := range records(chunk) {
		t.record(rec)
		copy(back[pos:], t.back.rec)
		pos += len(rec)
	}
	t.raw(chunk, back)
}

// record prints a record: by its structure when that gives the same bytes, else as bytes.
func (t *textWriter) record(rec []byte) {
	h := segment.Head(binary.LittleEndian.Uint64(rec))
	if s := recordOf(h.Kind()); s != nil {
		t.line = t.structured(t.line[:0], s, h, rec)
		if t.parses(rec) {
			t.print(t.line)
			return
		}
	}
	t.line = append(t.line[:0], '\t')
	t.line = append(head(t.line, h, "record"), " kind="...)
	t.line = strconv.AppendUint(t.line, uint64(h.Kind()), 10)
	t.line = append(t.line, " data="...)
	t.line = append(hex.AppendEncode(t.line, rec[8:]), '\n')
	if len(rec) == 8 {
		t.line = append(bytes.TrimSuffix(t.line, []byte(" data=\n")), '\n')
	}
	t.parses(rec)
	t.print(t.line)
}

// parses tells whether the lines give the record.
func (t *textWriter) parses(rec []byte) bool {
	t.back.reset()
	for line := range bytes.Lines(t.line) {
		list, err := tokens(nil, string(line))
		if err != nil || t.back.line(list) != nil {
			return false
		}
	}
	return bytes.Equal(t.back.finish(), rec)
}

// head appends a record's keyword and what its first word holds.
func head(to []byte, h segment.Head, word string) []byte {
	if h.Again() {
		to = append(to, "again "...)
	}
	to = append(to, word...)
	if h.Depth() != 0 {
		to = strconv.AppendUint(append(to, " depth="...), uint64(h.Depth()), 10)
	}
	if h.Name() != 0 {
		to = strconv.AppendUint(append(to, " name="...), uint64(h.Name()), 10)
	}
	return to
}

// structured appends the lines of a record.
func (t *textWriter) structured(to []byte, s *segment.Structure, h segment.Head, rec []byte) []byte {
	to = head(append(to, '\t'), h, keyword(s))
	tail := rec[s.Bytes:]
	for i := range s.Fields {
		f := &s.Fields[i]
		to = append(to, ' ')
		if key, ok := textOf(f); ok {
			n := min(get(rec, f), uint64(len(tail)))
			to = strconv.AppendQuote(append(append(to, key...), '='), string(tail[:n]))
			tail = tail[n:]
			continue
		}
		to = showField(append(append(to, f.Name...), '='), rec, f)
	}
	if h.Name() != 0 && h.Kind() != segment.KindName {
		to = comment(to, strconv.Quote(t.name(h.Name())))
	}
	to = append(to, '\n')
	if s.Tail == segment.TailArguments {
		to = t.arguments(to, tail)
	}
	return to
}

// arguments appends a line for each argument, as far as they can be.
func (t *textWriter) arguments(to, raw []byte) []byte {
	le := binary.LittleEndian
	for len(raw) >= segment.ArgBytes {
		typ, key, v := le.Uint32(raw), le.Uint32(raw[4:]), le.Uint64(raw[8:])
		raw = raw[segment.ArgBytes:]
		if typ == 0 || int(typ) >= len(argTypes) {
			return to
		}
		a := argTypes[typ]
		to = fmt.Appendf(to, "\t\targ %s key=%d value=", a.word, key)
		note := strconv.Quote(t.name(key))
		switch a.word {
		case "string":
			n := (v + 7) &^ 7
			if v > uint64(len(raw)) || n > uint64(len(raw)) {
				return to
			}
			to = strconv.AppendQuote(to, string(raw[:v]))
			raw = raw[n:]
		case "name", "shapes":
			note += ": " + strconv.Quote(t.name(uint32(v)))
			fallthrough
		default:
			to = showWord(to, v, a.value, 8)
		}
		to = append(comment(to, note), '\n')
	}
	return to
}

func (t *textWriter) name(id uint32) string {
	if n, ok := t.names[id]; ok {
		return n
	}
	return fmt.Sprintf("name#%d", id)
}

func comment(to []byte, text string) []byte {
	if text == "" {
		return to
	}
	return append(append(to, "  # "...), text...)
}

// raw prints where two of the same length differ, 32 bytes a line.
func (t *textWriter) raw(b, back []byte) {
	for at := 0; at < len(b); at += 32 {
		one, two := b[at:at+min(32, len(b)-at)], back[at:]
		if !bytes.Equal(one, two[:len(one)]) {
			t.printf("\traw at=%d data=%x\n", at, one)
		}
	}
}

func zeros(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
		b = b[8:]
	}
	return len(bytes.Trim(b, "\x00")) == 0
}
