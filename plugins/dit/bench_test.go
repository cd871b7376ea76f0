package dit

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/viterin/vek/vek32"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// gflops reports work, floating-point operations a loop, as GFLOP/s.
func gflops(b *testing.B, work int64) {
	b.ReportMetric(float64(work)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// BenchmarkImage is a 20-step guided image. Run it with -cpu 1,2.
func BenchmarkImage(b *testing.B) {
	s := newTestSession(b, runtime.GOMAXPROCS(0))
	req := &model.Request{Prompt: "noto red heart", Seed: 1, Count: 1}
	work := 20 * s.network.cost(shape{1, 2, 8, 8}).StepFLOPs()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Generate(b.Context(), req, nil); err != nil {
			b.Fatal(err)
		}
	}
	gflops(b, work)
}

// BenchmarkStep is one network evaluation, with and without guidance.
func BenchmarkStep(b *testing.B) {
	for _, copies := range []int{1, 2} {
		b.Run(fmt.Sprintf("batch=%d", copies), func(b *testing.B) {
			s := newTestSession(b, runtime.GOMAXPROCS(0))
			sh := shape{1, copies, 8, 8}
			s.bind(sh)
			s.prompts(make([]int, 6), make([]int, 6))
			clear(s.forward.x)
			b.ReportAllocs()
			for b.Loop() {
				s.forward.step(0.5)
			}
			gflops(b, s.network.cost(sh).StepFLOPs())
			s.arena.releaseAll()
		})
	}
}

// BenchmarkRandomStep is one step of made-up weights.
func BenchmarkRandomStep(b *testing.B) {
	for _, side := range []int{256, 512} {
		b.Run(fmt.Sprintf("s/%d", side), func(b *testing.B) {
			s := loadTest(b, Config{Weights: weightsRandom, Threads: runtime.GOMAXPROCS(0)}, trace.New(trace.Options{}))
			sh := shape{1, 2, side / randomPatch, side / randomPatch}
			s.bind(sh)
			s.prompts(make([]int, 6), make([]int, 6))
			fillNoise(s.forward.x, 1)
			for b.Loop() {
				s.forward.step(0.5)
			}
			gflops(b, s.network.cost(sh).StepFLOPs())
			s.arena.releaseAll()
		})
	}
}

// BenchmarkProduct compares a product as we cut it with vek's own, which is the slow twin.
func BenchmarkProduct(b *testing.B) {
	for _, d := range [][3]int{{140, 192, 576}, {140, 192, 768}, {140, 768, 192}, {512, 1152, 3456}} {
		rows, in, out := d[0], d[1], d[2]
		work := int64(2 * rows * in * out)
		x, w, y := make([]float32, rows*in), make([]float32, in*out), make([]float32, rows*out)
		b.Run(fmt.Sprintf("tiled/%dx%dx%d", rows, in, out), func(b *testing.B) {
			p := newPool(runtime.GOMAXPROCS(0))
			defer p.close()
			j := &linearJob{w: packMatrix(w, make([]float32, out), in, out), x: x, y: y, rows: rows}
			for range p.workers {
				j.scratch = append(j.scratch, make([]float32, linearScratch(in)))
			}
			for b.Loop() {
				p.run(j.prepare(p.workers), j)
			}
			gflops(b, work)
		})
		b.Run(fmt.Sprintf("vek/%dx%dx%d", rows, in, out), func(b *testing.B) {
			for b.Loop() {
				vek32.MatMul_Into(y, x, w, in)
			}
			gflops(b, work)
		})
	}
}
