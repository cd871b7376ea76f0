package chrome

import (
	"fmt"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// gpuRank is a made-up recording of a rank on a GPU: steps of operators that launch kernels and copies on two streams of one
// device, as sdk/cuda records them. No GPU was involved. It is what tools that look at devices are tried with.
func gpuRank(n names, r, steps int) *recording.Batch {
	p := rank(n, r)
	p.Facts = []recording.Fact{
		{Name: n.in(0, "cuda"), Args: []recording.Arg{n.text("state", "recorded"), n.num("driver version", 12080), n.text("cupti version", "12.8")}},
		{Name: n.in(0, "cuda device"), Args: []recording.Arg{n.text("name", "Stand-in GPU"), n.num("total memory", 80<<30), n.num("compute major", 9),
			n.num("compute minor", 0), n.num("multiprocessors", 132), n.num("warp size", 32), n.num("max threads per block", 1024),
			n.num("max threads per multiprocessor", 2048), n.num("registers per block", 65536), n.num("shared memory per block", 49152)}},
	}
	g := &gpu{names: n, p: p, host: p.track("worker"), calls: p.calls(4711), compute: p.stream(0, 7), copies: p.stream(0, 20), correlation: 100}
	us := 10.0
	g.host.request = "img-gpu"
	g.host.begin(us, trace.CategoryStage, "pipeline_forward")
	for i := range steps {
		us = g.step(us+1, i)
	}
	g.host.end(us + 1)
	g.calls.work(us+2, 3, trace.WorkOverhead, 0, nil, "Buffer Flush", n.num("overhead kind", 1<<16))
	return p.batch()
}

type gpu struct {
	names
	p                            *proc
	host, calls, compute, copies *line
	correlation                  uint64
	busy                         [2]float64 // when the streams are free
}

func (g *gpu) step(us float64, i int) float64 {
	h := g.host
	h.begin(us, trace.CategoryStep, "denoise_step", g.num("step", int64(i)))
	us = g.launch(us+1, "cudaMemcpyAsync_v3020", trace.WorkCopy, 3, "Memcpy HtoD (Pinned -> Device)", g.num("bytes", 4<<20), g.num("copy kind", 1)) + 1
	for b := range 2 {
		h.begin(us, trace.CategoryBlock, fmt.Sprintf("blocks.%d", b))
		for k, op := range []string{"dit::linear", "dit::attention", "dit::gelu"} {
			h.begin(us+0.5, trace.CategoryOperator, op, g.shapes("Input Dims", "[[2,70,192],[192,576]]"), g.num("flops", 30_965_760))
			us = g.launch(us+1, "cudaLaunchKernel_v7000", trace.WorkKernel, float64(12+5*k), fmt.Sprintf("_Z%d%sIfLi%dEEvPT_i", len(op)-len("dit::"), op[len("dit::"):], 64<<k),
				g.shapes("grid", "[[70,2,1]]"), g.shapes("block", "[[256,1,1]]"), g.num("registers per thread", 64), g.num("static shared memory", 4096),
				g.num("dynamic shared memory", 1024), g.num("grid id", int64(g.correlation)))
			h.end(us + 0.5)
			us++
		}
		h.end(us)
	}
	us = g.launch(us+1, "cudaMemsetAsync_v3020", trace.WorkSet, 1.5, "Memset (Device)", g.num("bytes", 1<<20), g.num("value", 0)) + 1
	done := max(g.busy[0], g.busy[1], us) + 2
	g.correlation++
	g.calls.work(us, done-us, trace.WorkRuntimeCall, g.correlation, h, "cudaStreamSynchronize_v3020", g.num("cbid", 131))
	g.compute.work(us+0.5, done-us-1, trace.WorkSync, g.correlation, h, "Stream Sync", g.num("sync type", 3))
	h.end(done + 1)
	return done + 2
}

// launch is a call, the driver's within it, and later the work that it causes.
func (g *gpu) launch(us float64, call string, kind trace.WorkKind, dur float64, work string, args ...recording.Arg) float64 {
	g.correlation += 2
	g.calls.work(us+1, 2, trace.WorkDriverCall, g.correlation-1, g.host, "cuLaunchAnything", g.num("cbid", 307))
	g.calls.work(us, 4, trace.WorkRuntimeCall, g.correlation, g.host, call, g.num("cbid", 211))
	stream, at := g.compute, 0
	if kind != trace.WorkKernel {
		stream, at = g.copies, 1
	}
	begin := max(us+6, g.busy[at]+0.8)
	g.busy[at] = begin + dur
	stream.work(begin, dur, kind, g.correlation, g.host, work, args...)
	return us + 4.5
}
