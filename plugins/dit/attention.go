package dit

import (
	"math"

	"github.com/viterin/vek/vek32"
)

// headShape is how the attention of one head is cut: rows of queries at a time against tiles of keys.
type headShape struct {
	seq, dim int // tokens; width of a head
	rows     int // queries at a time
	keys     int // keys a tile; the last may be narrower
}

// newHeadShape picks tiles that stay in the first-level cache and under the size at which vek starts goroutines (see tileM).
func newHeadShape(seq, dim int) headShape {
	s := headShape{seq: seq, dim: dim, rows: tileM, keys: 99_999 / (tileM * dim) / 32 * 32}
	if s.keys < 32 { // very wide heads: vek stays on one goroutine below four rows
		s.rows, s.keys = 3, 64
	}
	s.keys = min(s.keys, tileN, seq)
	return s
}

// scratch is the floats a worker needs: scores of rows queries, an output and a part of it.
func (s headShape) scratch() int { return s.rows*s.seq + 2*s.rows*s.dim }

// packHeadsJob brings queries, keys and values of each head together. An item is a head of a sample.
// Queries (scaled by 1/sqrt(dim)) and values are tokens x dim; keys are transposed, tile by tile, each dim x keys.
type packHeadsJob struct {
	headShape
	heads   int
	qkv     []float32 // tokens x 3 x heads x dim, sample after sample
	q, k, v []float32 // each samples x heads x seq x dim
}

func (j *packHeadsJob) do(item, _ int) {
	width := j.heads * j.dim
	src := j.qkv[item/j.heads*j.seq*3*width:]
	at, head := item*j.seq*j.dim, item%j.heads*j.dim
	q, k, v := j.q[at:], j.k[at:], j.v[at:]
	scale := float32(1 / math.Sqrt(float64(j.dim)))
	for t := range j.seq {
		row := src[t*3*width+head:]
		copy(v[t*j.dim:(t+1)*j.dim], row[2*width:])
		dst := q[t*j.dim : (t+1)*j.dim]
		for i, x := range row[:j.dim] {
			dst[i] = x * scale
		}
	}
	for first := 0; first < j.seq; first += j.keys {
		n := min(j.keys, j.seq-first)
		tile := k[first*j.dim : (first+n)*j.dim]
		for t := range n {
			row := src[(first+t)*3*width+width+head:][:j.dim]
			for i, x := range row {
				tile[i*n+t] = x
			}
		}
	}
}

// attendJob computes softmax(q k) v for packed heads. An item is a group of queries of a head of a sample.
type attendJob struct {
	packHeadsJob
	y       []float32 // tokens x heads x dim
	group   int       // queries an item
	scratch [][]float32
}

// groups is the number of items a head has.
func (j *attendJob) groups() int { return (j.seq + j.group - 1) / j.group }

func (j *attendJob) do(item, worker int) {
	head, g := item/j.groups(), item%j.groups()
	for first := g * j.group; first < min(j.seq, (g+1)*j.group); first += j.rows {
		n := min(j.rows, min(j.seq, (g+1)*j.group)-first)
		j.attend(head, first, n, j.scratch[worker])
	}
}

// attend does n queries from first on. Scores lie tile by tile, n x keys each, as the product leaves them.
func (j *attendJob) attend(head, first, n int, s []float32) {
	base := head * j.seq * j.dim
	q := j.q[base+first*j.dim : base+(first+n)*j.dim]
	scores, out, part := s[:n*j.seq], s[j.rows*j.seq:][:n*j.dim], s[j.rows*(j.seq+j.dim):][:n*j.dim]
	for t := 0; t < j.seq; t += j.keys {
		m := min(j.keys, j.seq-t)
		matMul(scores[n*t:n*(t+m)], q, j.k[base+t*j.dim:base+(t+m)*j.dim], j.dim)
	}
	var sums [tileM]float32
	j.softmax(scores, n, &sums)
	for t := 0; t < j.seq; t += j.keys {
		m := min(j.keys, j.seq-t)
		values, weights := j.v[base+t*j.dim:base+(t+m)*j.dim], scores[n*t:n*(t+m)]
		if t == 0 {
			matMul(out, weights, values, m)
			continue
		}
		matMul(part, weights, values, m)
		vek32.Add_Inplace(out, part)
	}
	width := j.heads * j.dim
	for r := range n {
		at := (head/j.heads*j.seq+first+r)*width + head%j.heads*j.dim
		vek32.MulNumber_Into(j.y[at:at+j.dim], out[r*j.dim:(r+1)*j.dim], 1/sums[r])
	}
}

// softmax replaces scores by exp(score - the row's largest) and leaves the rows' sums; dividing the few outputs is cheaper.
func (j *attendJob) softmax(scores []float32, n int, sums *[tileM]float32) {
	for r := range n {
		top := float32(math.Inf(-1))
		for t := 0; t < j.seq; t += j.keys {
			m := min(j.keys, j.seq-t)
			top = max(top, vek32.Max(scores[n*t+r*m:][:m]))
		}
		for t := 0; t < j.seq; t += j.keys {
			m := min(j.keys, j.seq-t)
			vek32.SubNumber_Inplace(scores[n*t+r*m:][:m], top)
		}
	}
	expInPlace(scores)
	for r := range n {
		sums[r] = 0
		for t := 0; t < j.seq; t += j.keys {
			m := min(j.keys, j.seq-t)
			sums[r] += vek32.Sum(scores[n*t+r*m:][:m])
		}
	}
}
