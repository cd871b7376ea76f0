package dit

import (
	"fmt"
	"strings"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// Names that are recorded.
var (
	namePipeline  = trace.NameIn(trace.CategoryStage, "pipeline_forward")
	nameDiffusion = trace.NameIn(trace.CategoryStage, "diffusion_forward")
	nameStep      = trace.NameIn(trace.CategoryStep, "denoise_step")
	nameEmbed     = trace.NameIn(trace.CategoryBlock, "embed")
	nameFinal     = trace.NameIn(trace.CategoryBlock, "final")

	opLinear    = operatorName("linear")
	opNorm      = operatorName("layer_norm")
	opModulate  = operatorName("modulate")
	opAttention = operatorName("attention")
	opPackHeads = operatorName("pack_heads")
	opGate      = operatorName("gate_add")
	opGELU      = operatorName("gelu")
	opSiLU      = operatorName("silu")
	opTime      = operatorName("time_embedding")
	opModSum    = operatorName("modulation")
	opTokens    = operatorName("concat_tokens")
	opGuidance  = operatorName("guidance")
	opEuler     = operatorName("euler_step")
	opWords     = operatorName("embedding")
	opNoise     = operatorName("noise")
	opPixels    = operatorName("to_pixels")

	keyStep     = trace.Name("step")
	keyTime     = trace.Name("t")
	keyGuidance = trace.Name("guidance")
	keyBatch    = trace.Name("cfg_batch")
	keyModule   = trace.Name("module")
	keyDims     = trace.Name("Input Dims")
	keyDType    = trace.Name("dtype")
	keyFLOPs    = trace.Name("flops")
	keyBytesRW  = trace.Name("bytes")
	dtypeF32    = trace.Name("float32")
)

func operatorName(name string) trace.NameID {
	return trace.NameIn(trace.CategoryOperator, "dit::"+name)
}

// operator is an operator as it is recorded: everything about it that the shape decides, made once.
type operator struct {
	name trace.NameID
	args []trace.Arg
}

// newOperator describes an operator by the shapes it reads. bytes are those read and written, each tensor once.
// flops is 0 for operators that are no matrix product; then the argument is left out.
func (n shapeNames) newOperator(name trace.NameID, module string, flops, bytes int64, dims ...[]int) operator {
	o := operator{name: name, args: []trace.Arg{
		trace.Text(keyModule, trace.Name(module)),
		trace.Text(keyDType, dtypeF32),
		trace.Int(keyBytesRW, bytes),
	}}
	if id, ok := n.find(dims); ok {
		o.args = append(o.args, trace.Shapes(keyDims, id))
	}
	if flops > 0 {
		o.args = append(o.args, trace.Int(keyFLOPs, flops))
	}
	return o
}

// shapeNames are the shapes that were interned. Names live as long as the process and callers choose sizes, so there is a bound;
// beyond it an operator's dimensions are left out.
type shapeNames map[string]trace.NameID

const maxShapeNames = 16384

func (n shapeNames) find(dims [][]int) (trace.NameID, bool) {
	text := shapesJSON(dims)
	id, ok := n[text]
	if !ok && len(n) < maxShapeNames {
		id, ok = trace.Name(text), true
		n[text] = id
	}
	return id, ok
}

// shapesJSON writes shapes as the recording wants them: [[2,70,192],[192,576]].
func shapesJSON(dims [][]int) string {
	var b strings.Builder
	for i, d := range dims {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strings.ReplaceAll(fmt.Sprint(d), " ", ","))
	}
	return "[" + b.String() + "]"
}

// linearOperator describes x w + bias for an x of the given dimensions, the last of which is the input's.
func (n shapeNames) linearOperator(module string, w *matrix, dims ...int) operator {
	rows := product(dims) / int64(w.in)
	in, out := int64(w.in), int64(w.out)
	return n.newOperator(opLinear, module, 2*rows*in*out, 4*(rows*in+in*out+out+rows*out), dims, []int{w.in, w.out}, []int{w.out})
}

// rowOperator describes an operator that reads all of dims and writes as much as it reads of the first.
func (n shapeNames) rowOperator(name trace.NameID, module string, dims ...[]int) operator {
	bytes := 4 * product(dims[0])
	for _, d := range dims {
		bytes += 4 * product(d)
	}
	return n.newOperator(name, module, 0, bytes, dims...)
}

func product(dims []int) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= int64(d)
	}
	return n
}

// blockPlan is a block's span and operators.
type blockPlan struct {
	name                            trace.NameID
	norm1, mod1, qkv, pack, attn    operator
	o, gate1, norm2, mod2, f1, gelu operator
	f2, gate2                       operator
}

// plan is a step's operators at one shape.
type plan struct {
	shape
	time, t1, silu1, t2, cond, tm, fm, modulation, inp, tokens operator
	blocks                                                     []blockPlan
	norm, mod, out, guidance, euler                            operator
	words, noise, pixels                                       operator
}

func newPlan(n *network, s shape, names shapeNames) *plan {
	b, d, seq, patches, in := s.samples(), n.width, n.seq(s), s.imageTokens(), n.patchInputs()
	tokens, image := []int{b, seq, d}, []int{s.images, patches, in}
	p := &plan{
		shape:      s,
		time:       names.rowOperator(opTime, "time", []int{n.frequencies}),
		t1:         names.linearOperator("t1", n.t1, 1, n.frequencies),
		silu1:      names.rowOperator(opSiLU, "t1.silu", []int{1, d}),
		t2:         names.linearOperator("t2", n.t2, 1, d),
		cond:       names.rowOperator(opSiLU, "condition", []int{b, d}, []int{1, d}),
		tm:         names.linearOperator("tm", n.tm, b, d),
		fm:         names.linearOperator("fm", n.fm, b, d),
		modulation: names.rowOperator(opModSum, "modulation", []int{n.layers, b, 6 * d}, []int{b, 6 * d}),
		inp:        names.linearOperator("inp", n.inp, s.images, patches, in),
		tokens:     names.rowOperator(opTokens, "tokens", tokens, []int{seq, d}),
		norm:       names.rowOperator(opNorm, "final.norm", []int{b, patches, d}),
		mod:        names.rowOperator(opModulate, "final.modulate", []int{b, patches, d}, []int{b, 2 * d}),
		out:        names.linearOperator("final.out", n.out, b, patches, d),
		guidance:   names.rowOperator(opGuidance, "guidance", image, image),
		euler:      names.rowOperator(opEuler, "sampler", image, image),
		words:      names.rowOperator(opWords, "text", []int{b, n.text, d}),
		noise:      names.rowOperator(opNoise, "noise", image),
		pixels:     names.rowOperator(opPixels, "pixels", image),
	}
	for i := range n.blocks {
		p.blocks = append(p.blocks, newBlockPlan(n, i, tokens, names))
	}
	return p
}

func newBlockPlan(n *network, i int, tokens []int, names shapeNames) blockPlan {
	block, name := &n.blocks[i], fmt.Sprintf("blocks.%d", i)
	b, seq, d := tokens[0], tokens[1], tokens[2]
	hidden, mod := []int{b, seq, n.mlp}, []int{b, 6 * d}
	head := []int{b, n.heads, seq, d / n.heads}
	heads := 4 * product(head)
	return blockPlan{
		name:  trace.NameIn(trace.CategoryBlock, name),
		norm1: names.rowOperator(opNorm, name+".norm1", tokens),
		mod1:  names.rowOperator(opModulate, name+".modulate1", tokens, mod),
		qkv:   names.linearOperator(name+".attn.qkv", block.qkv, tokens...),
		pack:  names.rowOperator(opPackHeads, name+".attn.heads", []int{b, seq, 3, n.heads, d / n.heads}),
		attn:  names.newOperator(opAttention, name+".attn", 4*product(head)*int64(seq), 4*heads, head, head, head),
		o:     names.linearOperator(name+".attn.o", block.o, tokens...),
		gate1: names.rowOperator(opGate, name+".gate1", tokens, tokens, mod),
		norm2: names.rowOperator(opNorm, name+".norm2", tokens),
		mod2:  names.rowOperator(opModulate, name+".modulate2", tokens, mod),
		f1:    names.linearOperator(name+".mlp.f1", block.f1, tokens...),
		gelu:  names.rowOperator(opGELU, name+".mlp.gelu", hidden),
		f2:    names.linearOperator(name+".mlp.f2", block.f2, hidden...),
		gate2: names.rowOperator(opGate, name+".gate2", tokens, tokens, mod),
	}
}
