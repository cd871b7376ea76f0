package dit

import (
	"math"

	"github.com/viterin/vek/vek32"
)

// rowsPerItem is how many rows an item of an elementwise task has: enough to be worth a wake-up.
const rowsPerItem = 16

func rowItems(rows int) int { return (rows + rowsPerItem - 1) / rowsPerItem }

// normJob computes y = (x - mean) / sqrt(var + eps) row by row, over rows that it picks: of every sample's seq rows those from skip on.
type normJob struct {
	x, y             []float32
	width, seq, skip int
	rows             int // rows of y in all
}

func (j *normJob) do(item, _ int) {
	kept := j.seq - j.skip
	for r := item * rowsPerItem; r < min(j.rows, (item+1)*rowsPerItem); r++ {
		from := (r/kept)*j.seq + j.skip + r%kept
		x, y := j.x[from*j.width:(from+1)*j.width], j.y[r*j.width:(r+1)*j.width]
		mean := vek32.Sum(x) / float32(j.width)
		vek32.SubNumber_Into(y, x, mean)
		variance := vek32.Dot(y, y) / float32(j.width)
		vek32.MulNumber_Inplace(y, float32(1/math.Sqrt(float64(variance)+normEpsilon)))
	}
}

const normEpsilon = 1e-5

// modulateJob computes x = x*scale + shift; scale and shift are of the row's sample, at the given offsets into its row of mod.
type modulateJob struct {
	x, mod                []float32
	width, rows, seq      int
	stride, scale, shift0 int // floats of mod a sample; offsets
}

func (j *modulateJob) do(item, _ int) {
	for r := item * rowsPerItem; r < min(j.rows, (item+1)*rowsPerItem); r++ {
		mod := j.mod[r/j.seq*j.stride:]
		x := j.x[r*j.width : (r+1)*j.width]
		vek32.Mul_Inplace(x, mod[j.scale:j.scale+j.width])
		vek32.Add_Inplace(x, mod[j.shift0:j.shift0+j.width])
	}
}

// gateJob computes h = h + gate*y; y is overwritten.
type gateJob struct {
	h, y, mod        []float32
	width, rows, seq int
	stride, gate     int
}

func (j *gateJob) do(item, _ int) {
	for r := item * rowsPerItem; r < min(j.rows, (item+1)*rowsPerItem); r++ {
		mod := j.mod[r/j.seq*j.stride:]
		y := j.y[r*j.width : (r+1)*j.width]
		vek32.Mul_Inplace(y, mod[j.gate:j.gate+j.width])
		vek32.Add_Inplace(j.h[r*j.width:(r+1)*j.width], y)
	}
}

// geluJob computes x = gelu(x), the tanh form, which is x / (1 + exp(-2 sqrt(2/pi) (x + 0.044715 x^3))).
type geluJob struct {
	x       []float32
	scratch [][]float32
}

// geluChunk floats are worked on at a time: x and the scratch stay in the first-level cache.
const geluChunk = 1536

func (j *geluJob) items() int { return (len(j.x) + geluChunk - 1) / geluChunk }

func (j *geluJob) do(item, worker int) {
	x := j.x[item*geluChunk : min(len(j.x), (item+1)*geluChunk)]
	e := j.scratch[worker][:len(x)]
	c := float32(-2 * math.Sqrt(2/math.Pi))
	vek32.Mul_Into(e, x, x)
	vek32.MulNumber_Inplace(e, 0.044715*c)
	vek32.AddNumber_Inplace(e, c)
	vek32.Mul_Inplace(e, x)
	expInPlace(e)
	vek32.AddNumber_Inplace(e, 1)
	vek32.Div_Inplace(x, e)
}

// silu computes x = x * sigmoid(x) on a few numbers.
func silu(x []float32) {
	for i, v := range x {
		x[i] = float32(float64(v) / (1 + math.Exp(-float64(v))))
	}
}

// expLimit is where exp is as good as 0 or endless here. vek v0.4.3 on AVX2 gives garbage beyond about ±88 (exp(-100) is -4e33), so
// arguments are kept within.
const expLimit = 80

// expInPlace computes x = exp(x) with x held to ±expLimit.
func expInPlace(x []float32) {
	vek32.MaximumNumber_Inplace(x, -expLimit)
	vek32.MinimumNumber_Inplace(x, expLimit)
	vek32.Exp_Inplace(x)
}
