package chrome

import (
	"fmt"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// gpuRank is a made-up recording of a rank on a GPU: steps of operators that launch kernels and copies on two streams of one
// device, with the numbers that join them. No GPU was involved. It is what tools that look at devices are tried with.
func gpuRank(n names, r, steps int) *recording.Batch {
	p := rank(n, r)
	g := &gpu{names: n, p: p, host: p.track("worker"), compute: p.stream(0, 7), copies: p.stream(0, 20), correlation: 100}
	us := 10.0
	g.host.request = "img-gpu"
	g.host.begin(us, trace.CategoryStage, "pipeline_forward")
	for i := range steps {
		us = g.step(us+1, i)
	}
	g.host.end(us + 1)
	return p.batch()
}

type gpu struct {
	names
	p                     *proc
	host, compute, copies *line
	correlation           int64
	busy                  [2]float64 // when the streams are free
}

func (g *gpu) step(us float64, i int) float64 {
	h := g.host
	h.begin(us, trace.CategoryStep, "denoise_step", g.num("step", int64(i)))
	us = g.launch(us+1, "cudaMemcpyAsync", 0, 3, "Memcpy HtoD (Pinned -> Device)", g.num("bytes", 4<<20), g.float("memory bandwidth (GB/s)", 24.5)) + 1
	for b := range 2 {
		h.begin(us, trace.CategoryBlock, fmt.Sprintf("blocks.%d", b))
		for k, op := range []string{"dit::linear", "dit::attention", "dit::gelu"} {
			h.begin(us+0.5, trace.CategoryOperator, op, g.shapes("Input Dims", "[[2,70,192],[192,576]]"), g.num("flops", 30_965_760))
			us = g.launch(us+1, "cudaLaunchKernel", 7, float64(12+5*k), fmt.Sprintf("void %s_kernel<float, %d>(float*, int)", op[len("dit::"):], 64<<k),
				g.shapes("grid", "[[70,2,1]]"), g.shapes("block", "[[256,1,1]]"), g.num("registers per thread", 64), g.num("shared memory", 4096),
				g.float("blocks per SM", 1.5), g.float("warps per SM", 12), g.num("est. achieved occupancy %", 41))
			h.end(us + 0.5)
			us++
		}
		h.end(us)
	}
	us = g.launch(us+1, "cudaMemsetAsync", 0, 1.5, "Memset (Device)", g.num("bytes", 1<<20)) + 1
	done := max(g.busy[0], g.busy[1], us) + 2
	g.correlation++
	h.span(us, done-us, trace.CategoryRuntime, "cudaDeviceSynchronize", g.num("cbid", 165), g.num("correlation", g.correlation))
	h.end(done + 1)
	return done + 2
}

// launch is a runtime call and, later, the work that it causes.
func (g *gpu) launch(us float64, call string, cbid int64, dur float64, work string, args ...recording.Arg) float64 {
	g.correlation++
	g.host.span(us, 4, trace.CategoryRuntime, call, g.num("cbid", cbid), g.num("correlation", g.correlation))
	stream, at := g.compute, 0
	if cbid == 0 {
		stream, at = g.copies, 1
	}
	begin := max(us+6, g.busy[at]+0.8)
	g.busy[at] = begin + dur
	stream.span(begin, dur, trace.CategoryDevice, work, append([]recording.Arg{g.num("correlation", g.correlation)}, args...)...)
	return us + 4.5
}
