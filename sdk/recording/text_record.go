package recording

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
)

// newHeader makes a header page of what every header has.
func newHeader(page []byte) {
	clear(page)
	(&segment.Header{}).Encode(page)
	binary.LittleEndian.PutUint64(page[segment.OffMagic:], segment.Magic)
}

// newChunk makes an empty chunk of the meta track.
func newChunk(chunk []byte) {
	clear(chunk)
	binary.LittleEndian.PutUint32(chunk[segment.OffChunkCommit:], segment.ChunkMagic)
}

// recordParser makes a record of its line and of the lines of its arguments.
type recordParser struct {
	rec   []byte
	args  bool // arguments may follow
	depth uint8
	name  uint32
	kind  uint8 // with its mark
}

func (p *recordParser) reset() { *p = recordParser{rec: p.rec[:0]} }

// finish completes the head and returns the record; empty when there was none.
func (p *recordParser) finish() []byte {
	if len(p.rec) > 0 {
		binary.LittleEndian.PutUint64(p.rec, uint64(segment.MakeHead(p.kind, p.depth, len(p.rec), p.name)))
	}
	return p.rec
}

// line takes one line.
func (p *recordParser) line(words []token) error {
	if words[0].key == "arg" {
		if !p.args {
			return errors.New("arg comes without a record that has arguments")
		}
		return p.arg(words[1:])
	}
	p.reset()
	mark := uint8(0)
	if words[0].key == "again" {
		mark, words = segment.Again, words[1:]
		if len(words) == 0 {
			return errors.New("again wants a record behind it")
		}
	}
	if words[0].value != "" || words[0].quoted {
		return fmt.Errorf("%.40q is no record: one begins with its kind", words[0].key+"=")
	}
	if words[0].key == "record" {
		return p.unknown(mark, words[1:])
	}
	s := structure(words[0].key)
	if s == nil || s.Kind == 0 {
		return fmt.Errorf("there is no record %.40q", words[0].key)
	}
	p.kind, p.args = uint8(s.Kind)|mark, s.Tail == segment.TailArguments
	p.rec = slices.Grow(p.rec[:0], s.Bytes)[:s.Bytes]
	clear(p.rec)
	if err := p.fields(s, words[1:]); err != nil {
		p.reset()
		return err
	}
	return nil
}

// fields sets a record's fields, in any order, and appends its texts in the structure's.
func (p *recordParser) fields(s *segment.Structure, words []token) error {
	texts := make(map[string]string, 2)
	for i := range words {
		t := &words[i]
		if done, err := p.headField(t); done || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if t.quoted && t.key != "" {
			texts[t.key] = t.value
			continue
		}
		f := fieldOf(s, t.key)
		if f == nil || t.value == "" {
			return fmt.Errorf("%s has no field %.40q", keyword(s), t.key+t.value)
		}
		if err := setField(p.rec, f, t); err != nil {
			return err
		}
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		if key, ok := textOf(f); ok {
			put(p.rec, f, uint64(len(texts[key])))
			p.rec = append(p.rec, texts[key]...)
			delete(texts, key)
		}
	}
	for key := range texts {
		return fmt.Errorf("%s has no text %.40q", keyword(s), key)
	}
	return p.pad()
}

// headField takes what the first word holds.
func (p *recordParser) headField(t *token) (bool, error) {
	switch t.key {
	case "depth":
		v, err := wordOf(t, "u8", 1)
		p.depth = uint8(v)
		return true, err
	case "name":
		v, err := wordOf(t, "u32", 4)
		p.name = uint32(v)
		return true, err
	}
	return false, nil
}

// unknown takes a record that is given as bytes.
func (p *recordParser) unknown(mark uint8, words []token) error {
	p.rec = append(p.rec[:0], make([]byte, 8)...)
	for i := range words {
		t := &words[i]
		if done, err := p.headField(t); done || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		switch t.key {
		case "kind":
			v, err := wordOf(t, "u8", 1)
			if err != nil {
				return err
			}
			if v == 0 || v >= segment.Again {
				return fmt.Errorf("kind is %d, it must be from 1 to %d", v, segment.Again-1)
			}
			p.kind = uint8(v) | mark
		case "data":
			b, err := hex.DecodeString(t.value)
			if err != nil || len(b)%8 != 0 {
				return errors.New("data wants whole words of 8 bytes, each byte as two hexadecimal digits")
			}
			p.rec = append(p.rec[:8], b...)
		default:
			return fmt.Errorf("record has no field %.40q", t.key+t.value)
		}
	}
	if p.kind == 0 {
		return errors.New("record wants kind=")
	}
	return nil
}

// arg appends an argument.
func (p *recordParser) arg(words []token) error {
	if len(words) == 0 {
		return errors.New("arg wants a type: arg int key=1 value=2")
	}
	typ := uint64(0)
	for i, a := range argTypes {
		if a.word == words[0].key && i > 0 {
			typ = uint64(i)
		}
	}
	if typ == 0 {
		return fmt.Errorf("there is no type of argument %.40q", words[0].key)
	}
	key, value, text, valued := uint64(0), uint64(0), "", false
	for i := range words[1:] {
		t := &words[1+i]
		var err error
		switch {
		case t.key == "key":
			key, err = wordOf(t, "u32", 4)
		case t.key == "value" && t.quoted && argTypes[typ].value == "":
			text, value, valued = t.value, uint64(len(t.value)), true
		case t.key == "value" && argTypes[typ].value != "":
			value, err = wordOf(t, argTypes[typ].value, 8)
			valued = true
		default:
			err = fmt.Errorf("arg %s has no %.40q that can be read so", words[0].key, t.key)
		}
		if err != nil {
			return err
		}
	}
	if !valued {
		return errors.New("arg wants value=")
	}
	p.rec = binary.LittleEndian.AppendUint64(p.rec, typ|key<<32)
	p.rec = binary.LittleEndian.AppendUint64(p.rec, value)
	p.rec = append(p.rec, text...)
	return p.pad()
}

// pad fills the last word, and refuses a record that no chunk can hold.
func (p *recordParser) pad() error {
	for len(p.rec)%8 != 0 {
		p.rec = append(p.rec, 0)
	}
	if len(p.rec) > segment.ChunkBytes-segment.ChunkHeader {
		return fmt.Errorf("the record takes %d bytes, a chunk has room for %d", len(p.rec), segment.ChunkBytes-segment.ChunkHeader)
	}
	return nil
}
