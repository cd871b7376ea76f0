package dit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/viterin/vek/vek32"
)

// testNumbers are n numbers in -1..1, the same in every run.
func testNumbers(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	v := make([]float32, n)
	for i := range v {
		v[i] = 2*r.Float32() - 1
	}
	return v
}

// assertClose compares with a reference in float64.
func assertClose(t *testing.T, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d numbers, want %d", len(got), len(want))
	}
	for i, g := range got {
		if !(math.Abs(float64(g)-want[i]) <= tolerance) {
			t.Fatalf("number %d is %g, want %g within %g", i, g, want[i], tolerance)
		}
	}
}

// slowProduct is x w^T + bias, w in torch's layout.
func slowProduct(x, w, bias []float32, rows, in, out int) []float64 {
	y := make([]float64, rows*out)
	for r := range rows {
		for o := range out {
			sum := float64(bias[o])
			for k := range in {
				sum += float64(x[r*in+k]) * float64(w[o*in+k])
			}
			y[r*out+o] = sum
		}
	}
	return y
}

func TestLinearAgreesWithSlowTwin(t *testing.T) {
	for _, workers := range []int{1, 3} {
		p := newPool(workers)
		defer p.close()
		for _, d := range [][3]int{{1, 1, 1}, {2, 128, 192}, {140, 192, 48}, {141, 48, 200}, {70, 100, 576}, {49, 97, 193}, {3, 768, 5}} {
			rows, in, out := d[0], d[1], d[2]
			t.Run(fmt.Sprintf("%dx%dx%d on %d", rows, in, out, workers), func(t *testing.T) {
				x, w, bias := testNumbers(rows*in, 1), testNumbers(in*out, 2), testNumbers(out, 3)
				j := &linearJob{w: packMatrix(w, bias, in, out), x: x, y: make([]float32, rows*out), rows: rows}
				for range workers {
					j.scratch = append(j.scratch, testNumbers(linearScratch(in), 4))
				}
				p.run(j.prepare(workers), j)
				assertClose(t, j.y, slowProduct(x, w, bias, rows, in, out), 1e-5*float64(in))
			})
		}
	}
}

func TestPortableProductAgrees(t *testing.T) {
	for _, d := range [][3]int{{1, 1, 1}, {2, 4, 8}, {10, 48, 192}, {9, 47, 33}, {3, 6, 70}} {
		m, n, p := d[0], d[1], d[2]
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			x, y, got := testNumbers(m*n, 1), testNumbers(n*p, 2), testNumbers(m*p, 3)
			portableMatMul(got, x, y, n)
			want := make([]float64, m*p)
			for i, v := range vek32.MatMul(x, y, n) {
				want[i] = float64(v)
			}
			assertClose(t, got, want, 1e-4)
		})
	}
}

// slowAttention is softmax(q k / sqrt(dim)) v for one sample, from tokens x 3 x heads x dim.
func slowAttention(qkv []float32, seq, heads, dim int) []float64 {
	width := heads * dim
	at := func(t, part, h, i int) float64 { return float64(qkv[t*3*width+part*width+h*dim+i]) }
	y := make([]float64, seq*width)
	for h := range heads {
		for a := range seq {
			weights, total := make([]float64, seq), 0.0
			for b := range seq {
				score := 0.0
				for i := range dim {
					score += at(a, 0, h, i) * at(b, 1, h, i)
				}
				weights[b] = math.Exp(score / math.Sqrt(float64(dim)))
				total += weights[b]
			}
			for b, w := range weights {
				for i := range dim {
					y[a*width+h*dim+i] += w / total * at(b, 2, h, i)
				}
			}
		}
	}
	return y
}

func TestAttentionAgreesWithSlowTwin(t *testing.T) {
	p := newPool(2)
	defer p.close()
	for _, d := range [][3]int{{1, 1, 4}, {70, 6, 32}, {7, 2, 72}, {401, 1, 72}, {130, 1, 512}} {
		seq, heads, dim := d[0], d[1], d[2]
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			n := seq * heads * dim
			qkv := testNumbers(3*n, 5)
			for i := range qkv {
				qkv[i] *= 4 // scores that differ
			}
			j := &attendJob{packHeadsJob: packHeadsJob{headShape: newHeadShape(seq, dim), heads: heads, qkv: qkv,
				q: make([]float32, n), k: make([]float32, n), v: make([]float32, n)}, y: make([]float32, n), group: 8 * tileM}
			for range p.workers {
				j.scratch = append(j.scratch, make([]float32, j.headShape.scratch()))
			}
			p.run(heads, &j.packHeadsJob)
			p.run(heads*j.groups(), j)
			assertClose(t, j.y, slowAttention(qkv, seq, heads, dim), 1e-4)
		})
	}
}

func TestSoftmaxOfFarApartScores(t *testing.T) {
	j := &attendJob{packHeadsJob: packHeadsJob{headShape: newHeadShape(4, 8)}}
	scores, sums := []float32{0, -100, 300, -3e38}, [tileM]float32{}
	j.softmax(scores, 1, &sums)
	if math.Abs(float64(sums[0])-1) > 1e-6 || scores[2] != 1 {
		t.Fatalf("softmax of far apart scores is %v, sum %v", scores, sums[0])
	}
}

func TestGELU(t *testing.T) {
	var x []float32
	for v := -120.0; v <= 120; v += 0.37 {
		x = append(x, float32(v), float32(v/40))
	}
	want := make([]float64, len(x))
	for i, v := range x {
		f := float64(v)
		want[i] = f / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(f+0.044715*f*f*f)))
	}
	p := newPool(1)
	defer p.close()
	j := &geluJob{x: x, scratch: [][]float32{make([]float32, geluChunk)}}
	p.run(j.items(), j)
	assertClose(t, x, want, 1e-5)
}

func TestExpStaysFinite(t *testing.T) {
	for _, v := range []float32{-1e30, -1000, -104, -100, -90, -88, 0, 1, 88, 88.5, 89, 100, 1e30} {
		x := []float32{v, v, v, v, v, v, v, v, v} // both the vector part and the rest
		expInPlace(x)
		want := math.Exp(math.Max(math.Min(float64(v), expLimit), -expLimit))
		for i, got := range x {
			if !(math.Abs(float64(got)-want) <= 1e-5*want) {
				t.Errorf("exp(%g) is %g at %d, want %g", v, got, i, want)
			}
		}
	}
}

func TestNormPicksRows(t *testing.T) {
	const seq, skip, width, samples = 5, 2, 16, 3
	j := &normJob{x: testNumbers(samples*seq*width, 9), y: make([]float32, samples*(seq-skip)*width),
		width: width, seq: seq, skip: skip, rows: samples * (seq - skip)}
	for i := range rowItems(j.rows) {
		j.do(i, 0)
	}
	var want []float64
	for s := range samples {
		for r := skip; r < seq; r++ {
			row := j.x[(s*seq+r)*width:][:width]
			mean, variance := 0.0, 0.0
			for _, v := range row {
				mean += float64(v) / width
			}
			for _, v := range row {
				variance += (float64(v) - mean) * (float64(v) - mean) / width
			}
			for _, v := range row {
				want = append(want, (float64(v)-mean)/math.Sqrt(variance+normEpsilon))
			}
		}
	}
	assertClose(t, j.y, want, 1e-5)
}
