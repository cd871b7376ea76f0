package dit

import "fmt"

// channels of an image: red, green, blue.
const channels = 3

// sizes of a network, from its weights.
type sizes struct {
	vocab       int // words, the null word included
	text        int // tokens of a prompt
	width       int // of a token's vector
	heads       int
	layers      int
	mlp         int // width of a block's hidden layer
	frequencies int // numbers that embed the time: half cosines, half sines
	patch       int // side of a patch in pixels
	side        int // side of the one image size that the network makes; 0: any multiple of patch
}

// limit bounds a size, so that a hostile file cannot make later arithmetic overflow or loops endless.
type limit struct {
	name     string
	value    int
	min, max int
}

func (s sizes) validate() error {
	for _, l := range []limit{
		{"vocab", s.vocab, 1, 1 << 20}, {"text_tokens", s.text, 1, 1024}, {"width", s.width, 2, 16384},
		{"heads", s.heads, 1, 1024}, {"layers", s.layers, 1, 512}, {"mlp width", s.mlp, 1, 1 << 17},
		{"time frequencies", s.frequencies, 2, 4096}, {"patch", s.patch, 1, 64}, {"size", s.side, 0, maxSide},
	} {
		if l.value < l.min || l.value > l.max {
			return fmt.Errorf("%s is %d, must be %d to %d", l.name, l.value, l.min, l.max)
		}
	}
	switch {
	case s.width%s.heads != 0:
		return fmt.Errorf("width %d is not a multiple of heads %d", s.width, s.heads)
	case s.frequencies%2 != 0:
		return fmt.Errorf("time frequencies %d is odd", s.frequencies)
	case s.side%s.patch != 0:
		return fmt.Errorf("size %d is not a multiple of patch %d", s.side, s.patch)
	}
	return nil
}

// patchInputs is how many numbers a patch has.
func (s sizes) patchInputs() int { return channels * s.patch * s.patch }

// shape is what one denoise step works on: it and sizes decide every operator's dimensions.
type shape struct {
	images int // drawn together
	copies int // of each image: 2 with guidance (prompt and negative prompt), else 1
	rows   int // patches from top to bottom
	cols   int // patches from left to right
}

func (s shape) samples() int     { return s.images * s.copies }
func (s shape) imageTokens() int { return s.rows * s.cols }

// seq is the number of tokens of a sample: the prompt's, then the image's.
func (n *network) seq(s shape) int { return n.text + s.imageTokens() }

// Cost is what the closed formula of a denoise step's work depends on.
type Cost struct {
	Width, Layers, MLP int // of the network
	Frequencies        int // numbers that embed the time
	PatchInputs        int // numbers a patch
	TextTokens         int // tokens a prompt
	ImageTokens        int // patches an image
	Images             int // images drawn together
	Samples            int // Images, or twice that with guidance
}

// StepFLOPs is the number of floating-point operations of one denoise step: two for each multiply-add of a matrix product.
// Biases, norms, activations, softmax and the sampler's own arithmetic are not counted, here as in the recorded "flops" arguments;
// the sum of those over a step equals this exactly.
func (c Cost) StepFLOPs() int64 {
	d, s, n := int64(c.Width), int64(c.Samples), int64(c.ImageTokens)
	seq, p := int64(c.TextTokens)+n, int64(c.PatchInputs)
	time := int64(c.Frequencies)*d + d*d + s*d*8*d // t1, t2, then tm (6 widths) and fm (2 widths) for each sample
	patches := int64(c.Images)*n*p*d + s*n*d*p     // in once an image, out once a sample
	block := s*seq*d*(4*d+2*int64(c.MLP)) + 2*s*seq*seq*d
	return 2 * (time + patches + int64(c.Layers)*block)
}

// cost of a step of this network at a shape.
func (n *network) cost(s shape) Cost {
	return Cost{
		Width: n.width, Layers: n.layers, MLP: n.mlp, Frequencies: n.frequencies, PatchInputs: n.patchInputs(),
		TextTokens: n.text, ImageTokens: s.imageTokens(), Images: s.images, Samples: s.samples(),
	}
}
