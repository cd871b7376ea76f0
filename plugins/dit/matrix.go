package dit

import "github.com/viterin/vek/vek32"

// How a product is cut. vek's kernel adds x[i,k] times a row of y to a row of the result, and streams all of y for each row of x:
// its speed is that of the cache y lies in. So y is cut into tiles of tileK x tileN floats, 36 KiB, which stay in the first-level
// cache while tileM rows of x pass. tileM*tileK*tileN < 100,000 also keeps vek from starting goroutines of its own: the pool decides.
const (
	tileM = 10
	tileK = 48
	tileN = 192
	// groupRows bounds the rows of one work item: x packed for it (groupRows x in) should stay in the second-level cache.
	groupRows = 48
)

// matrix is the weight of a linear layer, packed into tiles: panels of tileN outputs, each a row of tiles of tileK inputs,
// each tile inputs x outputs, row by row.
type matrix struct {
	in, out int
	tiles   []float32 // in*out
	bias    []float32 // out
}

// packMatrix packs w, which is in torch's layout: out rows of in weights.
func packMatrix(w, bias []float32, in, out int) *matrix {
	m := &matrix{in: in, out: out, tiles: make([]float32, in*out), bias: bias}
	at := 0
	for j := 0; j < out; j += tileN {
		width := min(tileN, out-j)
		for k := range in { // tiles of one panel lie one below the other
			for c := range width {
				m.tiles[at+c] = w[(j+c)*in+k]
			}
			at += width
		}
	}
	return m
}

// tile returns rows k..k+depth of the panel that begins at output j.
func (m *matrix) tile(j, k, depth int) []float32 {
	width := min(tileN, m.out-j)
	at := m.in*j + k*width
	return m.tiles[at : at+depth*width]
}

// panels is the number of panels.
func (m *matrix) panels() int { return (m.out + tileN - 1) / tileN }

// linearScratch is the floats that a worker needs for a product with in inputs.
func linearScratch(in int) int { return groupRows*in + groupRows*tileN + tileM*tileN }

// linearJob computes y = x w + bias for rows rows of x. An item is a group of rows and a panel.
type linearJob struct {
	w       *matrix
	x, y    []float32
	rows    int
	group   int // rows an item
	scratch [][]float32
}

// prepare cuts the rows into groups of equal size, a multiple of the workers in number, and returns the number of items.
func (j *linearJob) prepare(workers int) int {
	rounds := (j.rows + workers*groupRows - 1) / (workers * groupRows)
	j.group = (j.rows + workers*rounds - 1) / (workers * rounds)
	return (j.rows + j.group - 1) / j.group * j.w.panels()
}

func (j *linearJob) do(item, worker int) {
	w, s := j.w, j.scratch[worker]
	first := item / w.panels() * j.group
	rows := min(j.group, j.rows-first)
	col := item % w.panels() * tileN
	width := min(tileN, w.out-col)
	x, acc, part := s[:rows*w.in], s[groupRows*w.in:], s[groupRows*(w.in+tileN):]
	packRows(x, j.x[first*w.in:], rows, w.in)
	for k := 0; k < w.in; k += tileK {
		depth := min(tileK, w.in-k)
		tile, panel := w.tile(col, k, depth), x[k*rows:]
		for r := 0; r < rows; r += tileM {
			n := min(tileM, rows-r)
			sum, in := acc[r*width:(r+n)*width], panel[r*depth:(r+n)*depth]
			if k == 0 {
				matMul(sum, in, tile, depth)
				continue
			}
			matMul(part, in, tile, depth)
			vek32.Add_Inplace(sum, part[:n*width])
		}
	}
	bias := w.bias[col : col+width]
	for r := range rows {
		at := (first+r)*w.out + col
		vek32.Add_Into(j.y[at:at+width], acc[r*width:(r+1)*width], bias)
	}
}

// packRows copies rows x in numbers so that each run of tileK inputs lies together for all rows.
func packRows(dst, src []float32, rows, in int) {
	for k := 0; k < in; k += tileK {
		depth := min(tileK, in-k)
		panel := dst[k*rows:]
		for r := range rows {
			copy(panel[r*depth:(r+1)*depth], src[r*in+k:])
		}
	}
}
