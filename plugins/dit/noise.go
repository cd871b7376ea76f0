package dit

import (
	"math"
	"math/rand/v2"
)

// noiseStream is the second half of the generator's seed. Changing it changes every picture.
const noiseStream = 0x5354524f4245 // "STROBE"

// fillNoise fills dst with standard normal numbers that depend on seed alone: PCG (whose output math/rand/v2 guarantees) and
// Box–Muller. Neither the machine nor the batch matters: on arm64 the compiler fuses x*y+z and math.Log of amd64 is assembly
// of its own, so the logarithm and the circle functions are ours, every product in them is converted to float64 explicitly (which the
// language says prevents fusing), and division and square root are exact by IEEE 754.
func fillNoise(dst []float32, seed uint64) {
	src := rand.NewPCG(seed, noiseStream)
	for i := 0; i < len(dst); i += 2 {
		u := float64(src.Uint64()>>11+1) / (1 << 53) // (0, 1]
		r := math.Sqrt(float64(-2 * logExact(u)))
		sin, cos := circleExact(src.Uint64() >> 11)
		dst[i] = float32(float64(r * cos))
		if i+1 < len(dst) {
			dst[i+1] = float32(float64(r * sin))
		}
	}
}

// logExact is the natural logarithm of u in (0, 1], to about 1e-15: u = m 2^e, ln m = 2 artanh((m-1)/(m+1)).
func logExact(u float64) float64 {
	m, e := math.Frexp(u)
	if m < math.Sqrt2/2 {
		m, e = float64(m*2), e-1
	}
	s := (m - 1) / (m + 1)
	z := float64(s * s)
	sum := 0.0
	for k := 21; k >= 1; k -= 2 {
		sum = float64(sum*z) + 1/float64(k)
	}
	return float64(float64(e)*math.Ln2) + float64(2*float64(s*sum))
}

// circleExact is the sine and cosine of 2 pi a / 2^53, by Taylor series within an eighth of the circle.
func circleExact(a uint64) (sin, cos float64) {
	quarter := (a + 1<<50) >> 51 // nearest multiple of a quarter turn
	x := float64(int64(a)-int64(quarter<<51)) / (1 << 52)
	x = float64(x * math.Pi) // [-pi/4, pi/4]
	z := float64(x * x)
	sin, cos = 1, 1
	for k := 9; k >= 1; k-- { // 1 - z/(2k(2k+1)) (...), 1 - z/((2k-1)2k) (...)
		sin = 1 - float64(float64(z/float64(2*k*(2*k+1)))*sin)
		cos = 1 - float64(float64(z/float64(2*k*(2*k-1)))*cos)
	}
	sin = float64(sin * x)
	switch quarter & 3 {
	case 1:
		return cos, -sin
	case 2:
		return -sin, -cos
	case 3:
		return -cos, sin
	}
	return sin, cos
}
