package dit

import (
	"math"

	"github.com/viterin/vek/vek32"

	"github.com/strobe-dev/strobe/sdk/cuda"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// forward runs the network. Its jobs are fields, so that a step allocates nothing.
type forward struct {
	*network
	*plan
	buffers
	pool    *pool
	thread  *cuda.Thread // whose spans an outside profiler of CUDA sees, too
	ops     *cuda.Thread // thread, nil while operators are not wanted
	scratch [][]float32  // one a worker

	lin  linearJob
	nrm  normJob
	mdl  modulateJob
	gate gateJob
	gel  geluJob
	att  attendJob
}

func (f *forward) begin(o *operator) cuda.Span { return f.ops.BeginArgs(o.name, o.args...) }

// ask finds out which events are wanted. It is for the begin of each step and of what comes before.
func (f *forward) ask() { f.ops = f.thread.If(trace.CategoryOperator) }

// step computes pred, the picture that the network sees in x at time t in 0..1.
func (f *forward) step(t float64) {
	f.ask()
	f.embed(t)
	blocks := f.thread.If(trace.CategoryBlock)
	for i := range f.network.blocks {
		span := blocks.Begin(f.plan.blocks[i].name)
		f.block(i)
		span.End()
	}
	f.final()
}

func (f *forward) linear(o *operator, w *matrix, x, y []float32, rows int) {
	span := f.begin(o)
	f.lin = linearJob{w: w, x: x, y: y, rows: rows, scratch: f.scratch}
	f.pool.run(f.lin.prepare(f.pool.workers), &f.lin)
	span.End()
}

func (f *forward) norm(o *operator, skip int) {
	span := f.begin(o)
	seq := f.seq(f.shape)
	f.nrm = normJob{x: f.h, y: f.u, width: f.width, seq: seq, skip: skip, rows: f.samples() * (seq - skip)}
	f.pool.run(rowItems(f.nrm.rows), &f.nrm)
	span.End()
}

// modulate scales and shifts u by row numbers scale and scale+1 of mod, which has rows rows of width a sample.
func (f *forward) modulate(o *operator, mod []float32, rows, scale, tokens int) {
	span := f.begin(o)
	f.mdl = modulateJob{x: f.u, mod: mod, width: f.width, rows: f.samples() * tokens, seq: tokens,
		stride: rows * f.width, scale: scale * f.width, shift0: (scale + 1) * f.width}
	f.pool.run(rowItems(f.mdl.rows), &f.mdl)
	span.End()
}

// addGated adds proj, times row gate of mod, to h.
func (f *forward) addGated(o *operator, mod []float32, gate int) {
	span := f.begin(o)
	seq := f.seq(f.shape)
	f.gate = gateJob{h: f.h, y: f.proj, mod: mod, width: f.width, rows: f.samples() * seq, seq: seq,
		stride: 6 * f.width, gate: gate * f.width}
	f.pool.run(rowItems(f.gate.rows), &f.gate)
	span.End()
}

// embed makes the modulation and the tokens.
func (f *forward) embed(t float64) {
	outer := f.thread.If(trace.CategoryBlock).Begin(nameEmbed)
	defer outer.End()
	samples, d := f.samples(), f.width

	span := f.begin(&f.plan.time)
	half := f.frequencies / 2
	for k := range half {
		angle := t * 1000 * math.Exp(-math.Log(1000)*float64(k)/float64(half))
		f.buffers.time[k], f.buffers.time[half+k] = float32(math.Cos(angle)), float32(math.Sin(angle))
	}
	span.End()
	f.linear(&f.plan.t1, f.network.t1, f.buffers.time, f.buffers.t1, 1)
	span = f.begin(&f.silu1)
	silu(f.buffers.t1)
	span.End()
	f.linear(&f.plan.t2, f.network.t2, f.buffers.t1, f.buffers.t2, 1)
	span = f.begin(&f.cond)
	for s := range samples {
		vek32.Add_Into(f.c[s*d:(s+1)*d], f.mean[s*d:(s+1)*d], f.buffers.t2)
	}
	silu(f.c)
	span.End()
	f.linear(&f.plan.tm, f.network.tm, f.c, f.shared, samples)
	f.linear(&f.plan.fm, f.network.fm, f.c, f.last, samples)
	f.modulations()
	f.linear(&f.plan.inp, f.network.inp, f.x, f.proj, f.images*f.imageTokens())
	f.tokenRows()
}

// modulations adds each block's own modulation to the shared one, and 1 to the scales.
func (f *forward) modulations() {
	span := f.begin(&f.modulation)
	samples, d := f.samples(), f.width
	for i := range f.network.blocks {
		for s := range samples {
			row := f.buffers.mod[(i*samples+s)*6*d:][:6*d]
			vek32.Add_Into(row, f.shared[s*6*d:(s+1)*6*d], f.network.blocks[i].mod)
			vek32.AddNumber_Inplace(row[:d], 1)
			vek32.AddNumber_Inplace(row[3*d:4*d], 1)
		}
	}
	for s := range samples {
		vek32.AddNumber_Inplace(f.last[2*s*d:(2*s+1)*d], 1)
	}
	span.End()
}

// tokenRows makes h of the prompts' vectors and the patches' (in proj), positions added.
func (f *forward) tokenRows() {
	span := f.begin(&f.plan.tokens)
	position := f.positions()[f.text*f.width:]
	size, text := f.imageTokens()*f.width, f.text*f.width
	for s := range f.samples() {
		row := f.h[s*(text+size) : (s+1)*(text+size)]
		copy(row, f.prefix[s*text:(s+1)*text])
		image := s % f.images
		vek32.Add_Into(row[text:], f.proj[image*size:(image+1)*size], position[:size])
	}
	span.End()
}

func (f *forward) positions() []float32 {
	if f.network.position != nil {
		return f.network.position
	}
	return f.buffers.position
}

func (f *forward) block(i int) {
	p, w := &f.plan.blocks[i], &f.network.blocks[i]
	samples, seq := f.samples(), f.seq(f.shape)
	mod := f.buffers.mod[i*samples*6*f.width : (i+1)*samples*6*f.width]
	tokens := samples * seq

	f.norm(&p.norm1, 0)
	f.modulate(&p.mod1, mod, 6, 0, seq)
	f.linear(&p.qkv, w.qkv, f.u, f.work, tokens)
	f.attention(p)
	f.linear(&p.o, w.o, f.u, f.proj, tokens)
	f.addGated(&p.gate1, mod, 2)
	f.norm(&p.norm2, 0)
	f.modulate(&p.mod2, mod, 6, 3, seq)
	hidden := f.work[:tokens*f.mlp]
	f.linear(&p.f1, w.f1, f.u, hidden, tokens)
	span := f.begin(&p.gelu)
	f.gel = geluJob{x: hidden, scratch: f.scratch}
	f.pool.run(f.gel.items(), &f.gel)
	span.End()
	f.linear(&p.f2, w.f2, hidden, f.proj, tokens)
	f.addGated(&p.gate2, mod, 5)
}

// attention reads queries, keys and values from the first half of work, packs them into the second and leaves u.
func (f *forward) attention(p *blockPlan) {
	n := f.samples() * f.seq(f.shape) * f.width
	packed := f.work[3*n:]
	f.att = attendJob{
		packHeadsJob: packHeadsJob{headShape: newHeadShape(f.seq(f.shape), f.width/f.heads), heads: f.heads,
			qkv: f.work[:3*n], q: packed[:n], k: packed[n : 2*n], v: packed[2*n : 3*n]},
		y: f.u, group: 8 * tileM, scratch: f.scratch,
	}
	span := f.begin(&p.pack)
	f.pool.run(f.samples()*f.heads, &f.att.packHeadsJob)
	span.End()
	span = f.begin(&p.attn)
	f.pool.run(f.samples()*f.heads*f.att.groups(), &f.att)
	span.End()
}

// final turns the image tokens back into patches: pred.
func (f *forward) final() {
	outer := f.thread.If(trace.CategoryBlock).Begin(nameFinal)
	defer outer.End()
	f.norm(&f.plan.norm, f.text)
	f.modulate(&f.plan.mod, f.last, 2, 0, f.imageTokens())
	f.linear(&f.plan.out, f.network.out, f.u, f.pred, f.samples()*f.imageTokens())
}
