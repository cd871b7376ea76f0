package dit

import (
	"context"
	"fmt"
	"math"
	"math/bits"
)

// Sizes of networks with made-up weights. Patches of 16 pixels give the tokens that a latent model of the usual kind has
// (an eighth of the side, patches of 2): 256 at 256x256, 4,096 at 1024x1024.
const (
	randomPatch = 16
	randomText  = 6
	randomSeed  = 0x9e3779b97f4a7c15 // any number; the same weights in every rank and run
	// maxSide is the largest side of an image, in pixels.
	maxSide = 1024
	// defaultRandomSide is the side of an image when a request names no size, in pixels.
	defaultRandomSide = 256
)

// presets are the sizes that weights = "random" offers: width, depth and heads of the DiT family.
var presets = map[string]sizes{
	"s":  {width: 384, layers: 12, heads: 6},
	"m":  {width: 768, layers: 12, heads: 12},
	"xl": {width: 1152, layers: 28, heads: 16},
}

// randomCheckpoint makes the weights of a preset, on all workers of p. They are uniform numbers of a variance that keeps activations
// near 1 through all layers: costs are those of a trained network, pictures are noise. words are the vocabulary to read prompts with.
func randomCheckpoint(ctx context.Context, preset string, words *vocabulary, p *pool) (*checkpoint, error) {
	s, ok := presets[preset]
	if !ok {
		return nil, fmt.Errorf("preset %q is not one of s, m, xl", preset)
	}
	s.vocab, s.text, s.mlp, s.frequencies, s.patch = len(words.words), randomText, 4*s.width, 128, randomPatch
	r := &randomizer{}
	d := s.width
	n := &network{
		sizes:     s,
		embedding: r.vector(s.vocab*d, 0.5),
		t1:        r.matrix(s.frequencies, d),
		t2:        r.matrix(d, d),
		tm:        r.matrix(d, 6*d),
		fm:        r.matrix(d, 2*d),
		inp:       r.matrix(s.patchInputs(), d),
		out:       r.matrix(d, s.patchInputs()),
	}
	for range s.layers {
		n.blocks = append(n.blocks, block{mod: r.vector(6*d, 0.1),
			qkv: r.matrix(d, 3*d), o: r.matrix(d, d), f1: r.matrix(d, s.mlp), f2: r.matrix(s.mlp, d)})
	}
	if err := r.fill(ctx, p); err != nil {
		return nil, err
	}
	return &checkpoint{n, words}, nil
}

// randomizer fills the vectors that it handed out. Each has a stream of its own, so the order of filling does not matter.
type randomizer struct {
	vectors []randomVector
}

type randomVector struct {
	data   []float32
	scale  float32 // numbers are uniform in -scale..scale
	stream uint64
}

// randomChunk is how many numbers are made between two looks at the context.
const randomChunk = 1 << 20

func (r *randomizer) vector(n int, scale float64) []float32 {
	v := make([]float32, n)
	for at := 0; at < n; at += randomChunk {
		r.vectors = append(r.vectors, randomVector{v[at:min(n, at+randomChunk)], float32(scale), uint64(len(r.vectors))})
	}
	return v
}

// matrix makes weights of variance 1/in. Tiles need no packing: one random order is as good as another.
func (r *randomizer) matrix(in, out int) *matrix {
	return &matrix{in: in, out: out, tiles: r.vector(in*out, math.Sqrt(3/float64(in))), bias: r.vector(out, 0.01)}
}

// fill makes the numbers, some chunks at a time so that ctx is heeded.
func (r *randomizer) fill(ctx context.Context, p *pool) error {
	const batch = 64
	for len(r.vectors) > 0 {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("make random weights: %w", err)
		}
		n := min(batch, len(r.vectors))
		p.run(n, &randomJob{r.vectors[:n]})
		r.vectors = r.vectors[n:]
	}
	return nil
}

type randomJob struct{ vectors []randomVector }

// do fills a vector with the numbers of a counter put through a mixing function (two rounds of a 128-bit product).
func (j *randomJob) do(item, _ int) {
	v := j.vectors[item]
	step := v.scale / (1 << 31)
	for i := range v.data {
		hi, lo := bits.Mul64(uint64(i)^randomSeed, v.stream*0xd1342543de82ef95+0xda942042e4dd58b5)
		hi, lo = bits.Mul64(hi^lo, 0xa0761d6478bd642f)
		v.data[i] = float32(int32(hi^lo)) * step
	}
}

// positions writes sine-cosine positions of text tokens (none: zeros) and of rows x cols patches, as DiT does:
// half of the width for the row, half for the column. dst is (text + rows*cols) x width.
func positions(dst []float32, text, rows, cols, width int) {
	clear(dst)
	quarter := width / 4
	for t := range rows * cols {
		row := dst[(text+t)*width:][:width]
		for k := range quarter {
			f := math.Exp(-math.Log(10000) * float64(k) / float64(quarter))
			y, x := float64(t/cols)*f, float64(t%cols)*f
			row[k], row[quarter+k] = float32(math.Sin(y)), float32(math.Cos(y))
			row[2*quarter+k], row[3*quarter+k] = float32(math.Sin(x)), float32(math.Cos(x))
		}
	}
}
