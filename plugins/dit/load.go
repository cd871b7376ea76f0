package dit

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/strobe-dev/strobe/plugins/dit/internal/safetensors"
)

// checkpoint is a file of weights: a network and the words it knows.
type checkpoint struct {
	network *network
	words   *vocabulary
}

// readCheckpoint reads weights of our layout (weights/README.md) from r, size bytes long. The network's sizes come from the file and are checked.
func readCheckpoint(r io.ReaderAt, size int64) (*checkpoint, error) {
	f, err := safetensors.Open(r, size)
	if err != nil {
		return nil, err
	}
	if p := f.Metadata["prediction"]; p != "x" {
		return nil, fmt.Errorf(`metadata "prediction" is %q, only "x" is known`, p)
	}
	s, err := readSizes(f)
	if err != nil {
		return nil, err
	}
	words := strings.Split(f.Metadata["vocab"], "\n")
	if len(words) != s.vocab {
		return nil, fmt.Errorf(`metadata "vocab" has %d words, txt.weight %d rows`, len(words), s.vocab)
	}
	l := &loader{file: f}
	n := l.network(s)
	if l.err != nil {
		return nil, l.err
	}
	return &checkpoint{n, newVocabulary(words, strings.Split(f.Metadata["captions"], "\n"))}, nil
}

// readSizes takes the sizes from the metadata and, where they are not there, from the shapes.
func readSizes(f *safetensors.File) (sizes, error) {
	s := sizes{vocab: dim(f, "txt.weight", 0), width: dim(f, "txt.weight", 1), frequencies: dim(f, "t1.weight", 1),
		mlp: dim(f, "blocks.0.f1.weight", 0)}
	for key, dst := range map[string]*int{
		"text_tokens": &s.text, "heads": &s.heads, "layers": &s.layers, "patch": &s.patch, "size": &s.side,
	} {
		v, err := strconv.Atoi(f.Metadata[key])
		if err != nil {
			return s, fmt.Errorf("metadata %q is %q, must be a whole number", key, f.Metadata[key])
		}
		*dst = v
	}
	if s.side == 0 {
		return s, fmt.Errorf(`metadata "size" is 0`)
	}
	if w, err := strconv.Atoi(f.Metadata["width"]); err == nil && w != s.width {
		return s, fmt.Errorf(`metadata "width" is %d, txt.weight has %d columns`, w, s.width)
	}
	return s, s.validate()
}

// dim is a dimension of a tensor, 0 when there is none.
func dim(f *safetensors.File, name string, i int) int {
	if t, ok := f.Tensor(name); ok && i < len(t.Shape) {
		return t.Shape[i]
	}
	return 0
}

// loader reads tensors of known shapes and keeps the first error.
type loader struct {
	file *safetensors.File
	err  error
}

func (l *loader) network(s sizes) *network {
	d, side := s.width, s.side/s.patch
	n := &network{
		sizes:     s,
		embedding: l.tensor("txt.weight", s.vocab, d),
		position:  l.tensor("pos", s.text+side*side, d),
		t1:        l.linear("t1", s.frequencies, d),
		t2:        l.linear("t2", d, d),
		tm:        l.linear("tm", d, 6*d),
		fm:        l.linear("fm", d, 2*d),
		inp:       l.linear("inp", s.patchInputs(), d),
		out:       l.linear("out", d, s.patchInputs()),
	}
	for i := 0; i < s.layers && l.err == nil; i++ {
		name := fmt.Sprintf("blocks.%d.", i)
		n.blocks = append(n.blocks, block{
			mod: l.tensor(name+"mod", 6, d),
			qkv: l.linear(name+"qkv", d, 3*d),
			o:   l.linear(name+"o", d, d),
			f1:  l.linear(name+"f1", d, s.mlp),
			f2:  l.linear(name+"f2", s.mlp, d),
		})
	}
	return n
}

// linear reads a layer's weight, out x in, and bias, and packs them.
func (l *loader) linear(name string, in, out int) *matrix {
	w, bias := l.tensor(name+".weight", out, in), l.tensor(name+".bias", out)
	if l.err != nil {
		return nil
	}
	return packMatrix(w, bias, in, out)
}

func (l *loader) tensor(name string, shape ...int) []float32 {
	if l.err != nil {
		return nil
	}
	t, ok := l.file.Tensor(name)
	if ok && !slices.Equal(t.Shape, shape) {
		l.err = fmt.Errorf("tensor %q has shape %v, must be %v", name, t.Shape, shape)
		return nil
	}
	var data []float32
	data, l.err = l.file.Floats(name)
	return data
}
