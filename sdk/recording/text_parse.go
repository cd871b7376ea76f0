package recording

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// maxTextLine bounds a line of the text form, in bytes: a whole chunk as digits fits.
const maxTextLine = 128 << 10

// textParser reads lines and writes pages: first the header's, then one a chunk, each when the next one begins.
type textParser struct {
	lines  *bufio.Scanner
	no     int
	create func(string) (TextFile, error)
	made   map[string]bool
	file   TextFile
	size   int64 // as stated, -1 when not
	end    int64 // of what was written
	page   []byte
	within bool  // in a chunk, else in the header
	index  int64 // of the chunk
	pos    int   // where the next record goes
	rec    recordParser
	words  []token
}

func newTextParser(r io.Reader, create func(string) (TextFile, error)) *textParser {
	p := &textParser{lines: bufio.NewScanner(r), create: create, made: map[string]bool{}, page: make([]byte, segment.ChunkBytes)}
	p.lines.Buffer(make([]byte, 0, 4096), maxTextLine)
	return p
}

func (p *textParser) parse() error {
	for p.lines.Scan() {
		p.no++
		if err := p.line(p.lines.Text()); err != nil {
			return &TextError{p.no, err}
		}
	}
	if err := p.lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return &TextError{p.no + 1, fmt.Errorf("the line is longer than %d bytes", maxTextLine)}
	} else if err != nil {
		return fmt.Errorf("read text: %w", err)
	}
	if p.file == nil {
		return &TextError{p.no + 1, errors.New(`there is no segment: the text begins with segment "name.seg"`)}
	}
	if err := p.finish(); err != nil {
		return &TextError{p.no, err}
	}
	return nil
}

func (p *textParser) line(line string) (err error) {
	if p.words, err = tokens(p.words[:0], line); err != nil || len(p.words) == 0 {
		return err
	}
	switch first := p.words[0]; {
	case first.key == "segment":
		return p.segment(p.words[1:])
	case p.file == nil:
		return fmt.Errorf(`%.40q comes before the first segment "name.seg"`, first.key+first.value)
	case first.key == "chunk":
		return p.chunk(p.words[1:])
	case first.key == "raw":
		return p.raw(p.words[1:])
	case p.within:
		return p.record(p.words)
	}
	return p.fields(structure("header"), p.words)
}

// segment begins the next file.
func (p *textParser) segment(words []token) error {
	if err := p.finish(); err != nil {
		return err
	}
	if len(words) == 0 || !words[0].quoted || words[0].key != "" {
		return errors.New(`segment wants a name: segment "core.seg"`)
	}
	name := words[0].value
	if name != filepath.Base(name) || strings.ContainsAny(name, "/\\\x00") || filepath.Ext(name) != ".seg" || len(name) > 255 {
		return fmt.Errorf("segment %.60q must be a plain file name that ends in .seg", name)
	}
	if p.made[name] {
		return fmt.Errorf("segment %q comes twice", name)
	}
	size := int64(-1)
	for i := range words[1:] {
		t := &words[1+i]
		if t.key != "size" {
			return fmt.Errorf("segment has no %.40q, only size", t.key+t.value)
		}
		v, err := wordOf(t, "u64", 8)
		if err != nil {
			return err
		}
		if v > MaxTextSize {
			return fmt.Errorf("size is %d, at most %d is possible", v, int64(MaxTextSize))
		}
		size = int64(v)
	}
	f, err := p.create(name)
	if err != nil {
		return fmt.Errorf("make segment: %w", err)
	}
	p.made[name] = true
	p.file, p.size, p.end, p.within, p.index = f, size, 0, false, -1
	newHeader(p.page[:segment.HeaderBytes])
	return nil
}

// fields sets fields of the header or of a chunk's begin.
func (p *textParser) fields(s *segment.Structure, words []token) error {
	for i := range words {
		t := &words[i]
		f := fieldOf(s, t.key)
		if f == nil {
			return fmt.Errorf("a %s has no field %.40q", strings.ToLower(s.Name), t.key+t.value)
		}
		if t.value == "" && !t.quoted {
			return fmt.Errorf("%s wants a value: %s=…", t.key, t.key)
		}
		if err := setField(p.page, f, t); err != nil {
			return err
		}
	}
	return nil
}

// chunk begins a chunk. They come in order.
func (p *textParser) chunk(words []token) error {
	if err := p.flush(); err != nil {
		return err
	}
	if len(words) == 0 {
		return errors.New("chunk wants its index: chunk 0 track=1")
	}
	i, err := strconv.ParseInt(words[0].key, 10, 64)
	if err != nil || i < 0 || i > (MaxTextSize-segment.HeaderBytes)/segment.ChunkBytes-1 {
		return fmt.Errorf("chunk %.40q: an index is a number from 0, and the file has at most %d bytes", words[0].key, int64(MaxTextSize))
	}
	if i <= p.index {
		return fmt.Errorf("chunk %d comes after chunk %d: chunks are in order", i, p.index)
	}
	p.within, p.index, p.pos = true, i, segment.ChunkHeader
	newChunk(p.page)
	return p.fields(structure("chunk_header"), words[1:])
}

// raw sets bytes.
func (p *textParser) raw(words []token) error {
	if err := p.putRecord(); err != nil {
		return err
	}
	at, data := -1, []byte(nil)
	for i := range words {
		t := &words[i]
		switch t.key {
		case "at":
			v, err := wordOf(t, "u64", 4)
			if err != nil {
				return err
			}
			at = int(v)
		case "data":
			b, err := hex.DecodeString(t.value)
			if err != nil || len(b) == 0 {
				return errors.New("data wants bytes, each as two hexadecimal digits")
			}
			data = b
		default:
			return fmt.Errorf("raw has no %.40q, only at and data", t.key+t.value)
		}
	}
	if at < 0 || data == nil {
		return errors.New("raw wants at= and data=")
	}
	if room := p.room(); at > room || len(data) > room-at {
		return fmt.Errorf("raw: %d bytes at %d do not fit into %d", len(data), at, room)
	}
	copy(p.page[at:], data)
	return nil
}

// room is the size of the header, or of a chunk.
func (p *textParser) room() int {
	if p.within {
		return segment.ChunkBytes
	}
	return segment.HeaderBytes
}

// record takes a record's line, or one of its arguments.
func (p *textParser) record(words []token) error {
	if words[0].key != "arg" {
		if err := p.putRecord(); err != nil {
			return err
		}
	}
	return p.rec.line(words)
}

// putRecord puts the record that is complete now into the chunk.
func (p *textParser) putRecord() error {
	rec := p.rec.finish()
	if len(rec) > segment.ChunkBytes-p.pos {
		return fmt.Errorf("the record before takes %d bytes, the chunk has %d left", len(rec), segment.ChunkBytes-p.pos)
	}
	if len(rec) > 0 {
		p.pos += copy(p.page[p.pos:], rec)
	}
	p.rec.reset()
	return nil
}

// flush writes the header or the chunk.
func (p *textParser) flush() error {
	if p.file == nil {
		return nil
	}
	off := int64(0)
	if p.within {
		if err := p.putRecord(); err != nil {
			return err
		}
		off = segment.HeaderBytes + p.index*segment.ChunkBytes
	}
	b := p.page[:p.room()]
	if _, err := p.file.WriteAt(b, off); err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	p.end = off + int64(len(b))
	return nil
}

// finish ends a segment.
func (p *textParser) finish() error {
	if p.file == nil {
		return nil
	}
	if err := p.flush(); err != nil {
		return err
	}
	if p.size < 0 {
		p.size = p.end
	}
	if err := p.file.Truncate(p.size); err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	return p.close()
}

func (p *textParser) close() error {
	if p.file == nil {
		return nil
	}
	err := p.file.Close()
	p.file = nil
	if err != nil {
		return fmt.Errorf("close segment: %w", err)
	}
	return nil
}
