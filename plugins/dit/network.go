package dit

// block is one transformer block. mod is six rows of width, added to the modulation that all blocks share:
// scale, shift and gate of the attention, then of the hidden layer.
type block struct {
	mod            []float32
	qkv, o, f1, f2 *matrix
}

// network is a diffusion transformer with its weights. It is read-only once made.
type network struct {
	sizes
	embedding []float32 // vocab x width: a vector a word
	position  []float32 // (text + patches) x width; nil: made for the size at hand
	t1, t2    *matrix   // of the time
	tm, fm    *matrix   // modulation of the blocks (6 widths) and of the end (2 widths)
	inp, out  *matrix   // patches to tokens and back
	blocks    []block
}

// parameters is the number of weights.
func (n *network) parameters() int64 {
	count := len(n.embedding) + len(n.position)
	all := []*matrix{n.t1, n.t2, n.tm, n.fm, n.inp, n.out}
	for _, b := range n.blocks {
		all = append(all, b.qkv, b.o, b.f1, b.f2)
		count += len(b.mod)
	}
	for _, m := range all {
		count += len(m.tiles) + len(m.bias)
	}
	return int64(count)
}

// buffers of one pass, all from the arena. S samples of N tokens, n of them patches, I images.
type buffers struct {
	x        []float32 // I n P: the images as they are now, in patches
	pred     []float32 // S n P: the network's output
	prefix   []float32 // S text D: the prompts' vectors, positions added
	mean     []float32 // S D: the mean of a prompt's vectors
	position []float32 // N D, empty when the network has its own
	time     []float32 // the time's numbers
	t1, t2   []float32 // D
	c        []float32 // S D: what modulates
	shared   []float32 // S 6D: modulation of all blocks
	mod      []float32 // L S 6D: of each block; scales have their 1 added
	last     []float32 // S 2D: of the end
	h        []float32 // S N D: the tokens
	u        []float32 // S N D: tokens after a norm, and heads' output
	proj     []float32 // S N D: what is added to h
	work     []float32 // S N max(6D, mlp): queries, keys and values; or the hidden layer
	scratch  []float32 // of the workers
}

// part is a buffer and how many floats it has.
type part struct {
	dst *[]float32
	n   int
}

// parts lists the buffers in the order in which they are taken.
func (b *buffers) parts(n *network, s shape, workers int) []part {
	samples, seq, patches := s.samples(), n.seq(s), s.imageTokens()
	tokens := samples * seq * n.width
	position := 0
	if n.position == nil {
		position = seq * n.width
	}
	return []part{
		{&b.x, s.images * patches * n.patchInputs()}, {&b.pred, samples * patches * n.patchInputs()},
		{&b.prefix, samples * n.text * n.width}, {&b.mean, samples * n.width}, {&b.position, position},
		{&b.time, n.frequencies}, {&b.t1, n.width}, {&b.t2, n.width}, {&b.c, samples * n.width},
		{&b.shared, samples * 6 * n.width}, {&b.mod, n.layers * samples * 6 * n.width}, {&b.last, samples * 2 * n.width},
		{&b.h, tokens}, {&b.u, tokens}, {&b.proj, tokens}, {&b.work, samples * seq * max(6*n.width, n.mlp)},
		{&b.scratch, workers * n.scratch(s)},
	}
}

// scratch is the floats that one worker needs at most.
func (n *network) scratch(s shape) int {
	return aligned(max(linearScratch(max(n.width, n.mlp, n.patchInputs(), n.frequencies)),
		newHeadShape(n.seq(s), n.width/n.heads).scratch(), geluChunk))
}

// floats is the size of the arena that a pass needs.
func (n *network) floats(s shape, workers int) int {
	var b buffers
	total := 0
	for _, p := range b.parts(n, s, workers) {
		total += aligned(p.n)
	}
	return total
}
