package dit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"testing"
)

// TestNoiseGolden holds on amd64 and arm64 alike: see fillNoise for why.
func TestNoiseGolden(t *testing.T) {
	for _, c := range []struct {
		name string
		seed uint64
		want string
	}{
		{"zero", 0, "48a5f77f6dc1b640384e2f28520cf151aff76aa4e7363a66155558f0d07a8821"},
		{"one", 1, "3df80f05754a9a8ebb0e1fc46fcc529a0efe5d02ea5e08a4edb0ccb3380658b1"},
		{"largest", math.MaxUint64, "a964eed38527f0063960436bb840dd729336ffd4d56201da64b027950b1f3fd4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			noise := make([]float32, 3072)
			fillNoise(noise, c.seed)
			h := sha256.New()
			for _, v := range noise {
				_ = binary.Write(h, binary.LittleEndian, v)
			}
			if got := hex.EncodeToString(h.Sum(nil)); got != c.want {
				t.Errorf("noise of seed %d has SHA-256 %s, want %s (begins %v)", c.seed, got, c.want, noise[:4])
			}
		})
	}
}

func TestNoiseIsNormal(t *testing.T) {
	const n = 200_000
	noise := make([]float32, n)
	fillNoise(noise, 7)
	var sum, squares, fourths, pairs float64
	for i, x := range noise {
		v := float64(x)
		sum, squares, fourths = sum+v, squares+v*v, fourths+v*v*v*v
		pairs += v * float64(noise[(i+1)%n])
	}
	for name, c := range map[string]struct{ got, want, tolerance float64 }{
		"mean": {sum / n, 0, 0.01}, "variance": {squares / n, 1, 0.02},
		"fourth moment": {fourths / n, 3, 0.15}, "correlation of neighbours": {pairs / n, 0, 0.01},
	} {
		if math.Abs(c.got-c.want) > c.tolerance {
			t.Errorf("%s is %g, want %g within %g", name, c.got, c.want, c.tolerance)
		}
	}
}

func TestNoiseOfOddLength(t *testing.T) {
	a, b := make([]float32, 5), make([]float32, 6)
	fillNoise(a, 3)
	fillNoise(b, 3)
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("number %d is %g, want %g", i, a[i], b[i])
		}
	}
}

func TestOwnFunctionsAgreeWithMath(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 100_000 {
		a := r.Uint64() >> 11
		if i < 64 {
			a = uint64(i) << 47 // eighths and quarters of the circle
		}
		u := float64(a+1) / (1 << 53)
		if got, want := logExact(u), math.Log(u); math.Abs(got-want) > 1e-14*math.Max(1, -want) {
			t.Fatalf("log %v is %v, want %v", u, got, want)
		}
		sin, cos := circleExact(a)
		wantSin, wantCos := math.Sincos(2 * math.Pi * (float64(a) / (1 << 53)))
		if math.Abs(sin-wantSin) > 1e-14 || math.Abs(cos-wantCos) > 1e-14 {
			t.Fatalf("circle at %d/2^53 is %v, %v, want %v, %v", a, sin, cos, wantSin, wantCos)
		}
	}
}
