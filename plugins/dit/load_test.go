package dit

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// weightsFile describes a small network of our layout; tests bend it before it is written.
type weightsFile struct {
	meta   map[string]string
	shapes map[string][]int
}

func smallWeights() weightsFile {
	w := weightsFile{
		meta: map[string]string{"vocab": "<null>\nred\nnoto", "captions": "noto red", "size": "12", "patch": "6", "width": "20", "heads": "2",
			"layers": "2", "text_tokens": "3", "prediction": "x"},
		shapes: map[string][]int{"pos": {7, 20}, "txt.weight": {3, 20}},
	}
	linear := func(name string, in, out int) {
		w.shapes[name+".weight"], w.shapes[name+".bias"] = []int{out, in}, []int{out}
	}
	linear("t1", 10, 20)
	linear("t2", 20, 20)
	linear("tm", 20, 120)
	linear("fm", 20, 40)
	linear("inp", 108, 20)
	linear("out", 20, 108)
	for _, b := range []string{"blocks.0.", "blocks.1."} {
		w.shapes[b+"mod"] = []int{6, 20}
		linear(b+"qkv", 20, 60)
		linear(b+"o", 20, 20)
		linear(b+"f1", 20, 50)
		linear(b+"f2", 50, 20)
	}
	return w
}

// bytes is the file, in float32.
func (w weightsFile) bytes(t *testing.T) []byte {
	t.Helper()
	header, at := map[string]any{"__metadata__": w.meta}, 0
	for _, name := range slices.Sorted(maps.Keys(w.shapes)) {
		n := 4 * int(product(w.shapes[name]))
		header[name] = map[string]any{"dtype": "F32", "shape": w.shapes[name], "data_offsets": []int{at, at + n}}
		at += n
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	for _, v := range testNumbers(at/4, 8) {
		b, _ = binary.Append(b, binary.LittleEndian, v/4)
	}
	return b
}

// TestWeightsOfAnotherSize: sizes come from the file, none of them like those of the model that is built in.
func TestWeightsOfAnotherSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := os.WriteFile(path, smallWeights().bytes(t), 0o600); err != nil {
		t.Fatal(err)
	}
	s := loadTest(t, Config{Weights: path, Threads: 2}, trace.New(trace.Options{}))
	if info := s.Info(); info.Synthetic || len(info.Sizes) != 1 || info.Sizes[0] != (model.Size{Width: 12, Height: 12}) {
		t.Errorf("info %+v", info)
	}
	r := generate(t, s, &model.Request{Prompt: "noto red", Steps: 2})
	if m := r.Images[0]; m.Width != 12 || m.Height != 12 || r.Warnings != nil {
		t.Errorf("image %dx%d, warnings %q", m.Width, m.Height, r.Warnings)
	}
	for i, v := range s.forward.x {
		if v-v != 0 {
			t.Fatalf("number %d is %v", i, v)
		}
	}
}

func TestWeightsThatDoNotFit(t *testing.T) {
	meta := func(key, value string) func(w *weightsFile) {
		return func(w *weightsFile) { w.meta[key] = value }
	}
	reshape := func(name string, dims ...int) func(w *weightsFile) {
		return func(w *weightsFile) { w.shapes[name] = dims }
	}
	remove := func(name string) func(w *weightsFile) {
		return func(w *weightsFile) { delete(w.shapes, name) }
	}
	for _, c := range []struct {
		name string
		bend func(w *weightsFile)
		want string
	}{
		{"prediction", meta("prediction", "v"), `"prediction" is "v"`},
		{"no layers", meta("layers", ""), `"layers"`},
		{"too many layers", meta("layers", "3"), `"blocks.2.mod" is missing`},
		{"endless layers", meta("layers", "999999999"), "layers is 999999999"},
		{"negative layers", meta("layers", "-1"), "layers is -1"},
		{"number beyond int", meta("heads", strconv.Itoa(1<<62)+"0"), `"heads"`},
		{"heads", meta("heads", "3"), "not a multiple of heads"},
		{"no heads", meta("heads", "0"), "heads is 0"},
		{"patch", meta("patch", "5"), "not a multiple of patch"},
		{"no patch", meta("patch", "0"), "patch is 0"},
		{"size", meta("size", "18"), `"pos" has shape [7 20], must be [12 20]`},
		{"no size", meta("size", "0"), `"size" is 0`},
		{"huge size", meta("size", "6000000"), "size is 6000000"},
		{"width", meta("width", "21"), `"width" is 21`},
		{"text tokens", meta("text_tokens", "4"), `"pos"`},
		{"vocabulary", meta("vocab", "<null>"), `"vocab" has 1 words`},
		{"no vocabulary", meta("vocab", ""), `"vocab"`},
		{"no embedding", remove("txt.weight"), "txt.weight has 0 columns"},
		{"no bias", remove("tm.bias"), `"tm.bias" is missing`},
		{"bias of another length", reshape("tm.bias", 119), `"tm.bias" has shape [119]`},
		{"odd frequencies", reshape("t1.weight", 20, 9), "odd"},
		{"transposed", reshape("blocks.1.f2.weight", 50, 20), "must be [20 50]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := smallWeights()
			c.bend(&w)
			b := w.bytes(t)
			_, err := readCheckpoint(bytes.NewReader(b), int64(len(b)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one about %q", err, c.want)
			}
		})
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cut.safetensors")
	if err := os.WriteFile(path, emojiWeights[:len(emojiWeights)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	p := &plugin{config: Config{Weights: path}}
	if _, err := p.Load(t.Context(), model.Rank{}, trace.New(trace.Options{})); err == nil || !strings.Contains(err.Error(), "cut.safetensors") {
		t.Errorf("a cut file gives %v", err)
	}
}

func FuzzReadCheckpoint(f *testing.F) {
	f.Add([]byte(`{"__metadata__":{"prediction":"x","size":"4","patch":"4","heads":"1","layers":"1","text_tokens":"1","vocab":"a"},` +
		`"txt.weight":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]}}`))
	f.Fuzz(func(t *testing.T, header []byte) {
		b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		b = append(append(b, header...), make([]byte, 4096)...)
		for cut := range 4 {
			_, _ = readCheckpoint(bytes.NewReader(b), int64(len(b)-cut*1022)) // must not panic
		}
	})
}
