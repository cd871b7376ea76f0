// Package safetensors reads the safetensors format: an 8-byte little-endian length, that much JSON, then raw tensors.
//
// A file may come from anywhere, so everything in it is checked before it is used: lengths against the file's size, shapes against
// overflow, offsets against each other (tensors must fill the data without gap or overlap, as the format demands). Tensors are read one
// at a time, so memory never exceeds what a caller asks for.
//
// Weighed and not taken: nlpodyssey/safetensors, which loads the whole file and accepts any count of bytes of header, and
// x448/float16, of which one function of 20 lines would have been used.
package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

const (
	maxHeader  = 16 << 20 // bytes of JSON
	maxTensors = 1 << 16
	maxDims    = 8
)

// Tensor is where a tensor lies and what it holds.
type Tensor struct {
	Name  string
	DType string // "F16", "BF16", "F32", "I32", …
	Shape []int
	begin int64 // bytes from the start of the data
	end   int64
}

// Len is the number of elements.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// File is an open safetensors file.
type File struct {
	Metadata map[string]string
	tensors  map[string]Tensor
	r        io.ReaderAt
	data     int64 // offset of the data
}

// Open reads and checks the header. size is the length of r in bytes. r is kept.
func Open(r io.ReaderAt, size int64) (*File, error) {
	var word [8]byte
	if _, err := r.ReadAt(word[:], 0); err != nil {
		return nil, fmt.Errorf("read length of header: %w", eof(err))
	}
	n := binary.LittleEndian.Uint64(word[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, fmt.Errorf("header of %d bytes in a file of %d (at most %d): not a safetensors file", n, size, maxHeader)
	}
	header := make([]byte, n)
	if _, err := r.ReadAt(header, 8); err != nil {
		return nil, fmt.Errorf("read header: %w", eof(err))
	}
	f := &File{r: r, data: 8 + int64(n), tensors: map[string]Tensor{}}
	if err := f.parse(header, size-f.data); err != nil {
		return nil, err
	}
	return f, nil
}

// eof makes an end of file inside the header what it is: a cut file.
func eof(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (f *File) parse(header []byte, data int64) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return fmt.Errorf("parse header: %w", err)
	}
	if len(raw) > maxTensors {
		return fmt.Errorf("%d tensors, at most %d", len(raw), maxTensors)
	}
	if m, ok := raw["__metadata__"]; ok {
		if err := json.Unmarshal(m, &f.Metadata); err != nil {
			return fmt.Errorf("parse __metadata__: %w", err)
		}
		delete(raw, "__metadata__")
	}
	for name, text := range raw {
		t, err := parseTensor(name, text, data)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		f.tensors[name] = t
	}
	return f.checkCover(data)
}

func parseTensor(name string, text []byte, data int64) (Tensor, error) {
	var e struct {
		DType   string  `json:"dtype"`
		Shape   []int   `json:"shape"`
		Offsets []int64 `json:"data_offsets"`
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return Tensor{}, fmt.Errorf("parse: %w", err)
	}
	width, ok := map[string]int64{"F16": 2, "BF16": 2, "F32": 4, "I32": 4}[e.DType]
	if !ok {
		return Tensor{}, fmt.Errorf("dtype %q is not one of F16, BF16, F32, I32", e.DType)
	}
	if len(e.Shape) > maxDims {
		return Tensor{}, fmt.Errorf("%d dimensions, at most %d", len(e.Shape), maxDims)
	}
	bytes := width
	for _, d := range e.Shape {
		if d < 0 || (d > 0 && bytes > data/int64(d)) {
			return Tensor{}, fmt.Errorf("shape %v does not fit %d bytes of data", e.Shape, data)
		}
		bytes *= int64(d)
	}
	if len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] > data || e.Offsets[1]-e.Offsets[0] != bytes {
		return Tensor{}, fmt.Errorf("data_offsets %v do not hold shape %v of %s within %d bytes", e.Offsets, e.Shape, e.DType, data)
	}
	return Tensor{Name: name, DType: e.DType, Shape: e.Shape, begin: e.Offsets[0], end: e.Offsets[1]}, nil
}

// checkCover refuses gaps and overlaps: overlapping tensors would make a small file ask for much memory.
func (f *File) checkCover(data int64) error {
	all := make([]Tensor, 0, len(f.tensors))
	for _, t := range f.tensors {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b Tensor) int {
		if a.begin != b.begin {
			return int(min(max(a.begin-b.begin, -1), 1))
		}
		if a.end != b.end {
			return int(min(max(a.end-b.end, -1), 1))
		}
		return strings.Compare(a.Name, b.Name)
	})
	at := int64(0)
	for _, t := range all {
		if t.begin != at {
			return fmt.Errorf("tensor %q begins at byte %d where %d is next: gaps and overlaps are not allowed", t.Name, t.begin, at)
		}
		at = t.end
	}
	if at != data {
		return fmt.Errorf("tensors end at byte %d of %d", at, data)
	}
	return nil
}

// Tensor finds a tensor by its name.
func (f *File) Tensor(name string) (Tensor, bool) {
	t, ok := f.tensors[name]
	return t, ok
}

// Floats reads a tensor of type F16, BF16 or F32. Every value must be finite.
func (f *File) Floats(name string) ([]float32, error) {
	t, raw, err := f.bytes(name)
	if err != nil {
		return nil, err
	}
	out := make([]float32, t.Len())
	switch t.DType {
	case "F16":
		for i := range out {
			out[i] = half(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	case "BF16":
		for i := range out {
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16)
		}
	case "F32":
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	default:
		return nil, fmt.Errorf("tensor %q: dtype %s is no floating-point type", name, t.DType)
	}
	for i, v := range out {
		if v-v != 0 { // NaN and infinities
			return nil, fmt.Errorf("tensor %q: element %d is %v", name, i, v)
		}
	}
	return out, nil
}

// Ints reads a tensor of type I32.
func (f *File) Ints(name string) ([]int, error) {
	t, raw, err := f.bytes(name)
	if err != nil {
		return nil, err
	}
	if t.DType != "I32" {
		return nil, fmt.Errorf("tensor %q: dtype %s is not I32", name, t.DType)
	}
	out := make([]int, t.Len())
	for i := range out {
		out[i] = int(int32(binary.LittleEndian.Uint32(raw[4*i:])))
	}
	return out, nil
}

func (f *File) bytes(name string) (Tensor, []byte, error) {
	t, ok := f.tensors[name]
	if !ok {
		return t, nil, fmt.Errorf("tensor %q is missing", name)
	}
	raw := make([]byte, t.end-t.begin)
	if _, err := f.r.ReadAt(raw, f.data+t.begin); err != nil && len(raw) > 0 {
		return t, nil, fmt.Errorf("read tensor %q: %w", name, eof(err))
	}
	return t, raw, nil
}

// half is IEEE 754 binary16 as float32, exactly.
func half(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exp, frac := uint32(h>>10)&31, uint32(h)&1023
	switch exp {
	case 0: // zero and subnormal: frac * 2^-24
		v := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}
