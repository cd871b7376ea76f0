package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// file makes a file of a header and some data.
func file(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func open(b []byte) (*File, error) { return Open(bytes.NewReader(b), int64(len(b))) }

func TestRead(t *testing.T) {
	f, err := open(file(`{"__metadata__":{"k":"v"},"h":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]},
		"b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},"f":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},
		"i":{"dtype":"I32","shape":[2],"data_offsets":[16,24]},"none":{"dtype":"F32","shape":[0,3],"data_offsets":[24,24]}}  `,
		0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0xff, 0x7b, // 1 -2 2^-24 65504
		0x80, 0x3f, 0x20, 0xc1, // 1 -10
		0x00, 0x00, 0x00, 0x3f, // 0.5
		1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float32{
		"h": {1, -2, 1.0 / (1 << 24), 65504}, "b": {1, -10}, "f": {0.5}, "none": {},
	} {
		got, err := f.Floats(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	ints, err := f.Ints("i")
	if d := cmp.Diff([]int{1, -1}, ints); d != "" || err != nil {
		t.Errorf("ints, error %v (-want +got):\n%s", err, d)
	}
	if _, err := f.Floats("i"); err == nil {
		t.Error("integers were read as floats")
	}
	if _, err := f.Ints("f"); err == nil {
		t.Error("floats were read as integers")
	}
	if _, err := f.Floats("x"); err == nil || !strings.Contains(err.Error(), `"x" is missing`) {
		t.Errorf("a missing tensor gives %v", err)
	}
	if tensor, ok := f.Tensor("h"); !ok || tensor.Len() != 4 || f.Metadata["k"] != "v" {
		t.Errorf("tensor %+v, metadata %v", tensor, f.Metadata)
	}
}

func TestHalfIsExact(t *testing.T) {
	for h := range 1 << 16 {
		exp, frac := h>>10&31, float64(h&1023)
		want := math.Ldexp(1+frac/1024, exp-15)
		switch {
		case exp == 0:
			want = math.Ldexp(frac, -24)
		case exp == 31 && frac == 0:
			want = math.Inf(1)
		case exp == 31:
			want = math.NaN()
		}
		if h>>15 == 1 {
			want = -want
		}
		got := float64(half(uint16(h)))
		if math.Float64bits(got) != math.Float64bits(want) && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("half %#04x is %v, want %v", h, got, want)
		}
	}
}

func TestHostileFiles(t *testing.T) {
	one := func(entry string, data ...byte) []byte { return file(`{"a":`+entry+`}`, data...) }
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "length of header"},
		{"cut length", []byte{1, 2, 3}, "length of header"},
		{"header beyond the file", append(bytes.Repeat([]byte{0xff}, 8), 'x'), "not a safetensors file"},
		{"header of negative length", binary.LittleEndian.AppendUint64(nil, 1<<63), "not a safetensors file"},
		{"no JSON", file(`nonsense`), "parse header"},
		{"metadata of another type", file(`{"__metadata__":{"a":1}}`), "__metadata__"},
		{"entry of another type", one(`[]`), `tensor "a"`},
		{"unknown dtype", one(`{"dtype":"F8","shape":[1],"data_offsets":[0,1]}`, 0), "F8"},
		{"negative dimension", one(`{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}`, 0, 0, 0, 0), "shape"},
		{"shape overflows", one(`{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]}`, 0, 0, 0, 0), "shape"},
		{"shape overflows through zero", one(`{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}`), "shape"},
		{"many dimensions", one(`{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}`, 0, 0, 0, 0), "dimensions"},
		{"dimension is no integer", one(`{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}`, 0, 0, 0, 0), "parse"},
		{"offsets beyond the data", one(`{"dtype":"F32","shape":[1],"data_offsets":[4,8]}`, 0, 0, 0, 0), "data_offsets"},
		{"offsets backwards", one(`{"dtype":"F32","shape":[1],"data_offsets":[4,0]}`, 0, 0, 0, 0), "data_offsets"},
		{"offsets negative", one(`{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}`, 0, 0, 0, 0), "data_offsets"},
		{"one offset", one(`{"dtype":"F32","shape":[1],"data_offsets":[0]}`, 0, 0, 0, 0), "data_offsets"},
		{"offsets of another length", one(`{"dtype":"F32","shape":[1],"data_offsets":[0,2]}`, 0, 0, 0, 0), "data_offsets"},
		{"gap", one(`{"dtype":"F16","shape":[1],"data_offsets":[2,4]}`, 0, 0, 0, 0), "gaps and overlaps"},
		{"data left over", one(`{"dtype":"F16","shape":[1],"data_offsets":[0,2]}`, 0, 0, 0, 0), "end at byte 2 of 4"},
		{"overlap", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`,
			0, 0, 0, 0), "gaps and overlaps"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := open(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one about %q", err, c.want)
			}
		})
	}
}

func TestNumbersMustBeFinite(t *testing.T) {
	for name, half := range map[string]byte{"infinite": 0x7c, "not a number": 0x7e} {
		f, err := open(file(`{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}`, 0, 0, 0, half))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Floats("a"); err == nil || !strings.Contains(err.Error(), "element 1") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFileThatShrinks: the file was longer when it was opened.
func TestFileThatShrinks(t *testing.T) {
	b := file(`{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}`, 0, 0, 0, 0)
	f, err := Open(bytes.NewReader(b[:len(b)-1]), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Floats("a"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error is %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(file(`{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}`, 0, 0x3c))
	f.Add(file(`{"__metadata__":{"x":"y"}}`))
	f.Add(file(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}`, 1, 2, 3, 4))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := open(b)
		if err != nil {
			return
		}
		total := 0
		for name, tensor := range file.tensors {
			if v, err := file.Floats(name); err == nil && len(v) != tensor.Len() {
				t.Fatalf("%d numbers for %v", len(v), tensor.Shape)
			}
			_, _ = file.Ints(name)
			total += int(tensor.end - tensor.begin)
		}
		if total > len(b) {
			t.Fatalf("tensors of %d bytes in a file of %d", total, len(b))
		}
	})
}
