package chrome

import (
	"fmt"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// generate adds one request's work in a rank, as plugins/dit records it, and gives the time in µs when it ends.
func generate(w *line, us float64, request string, flow uint64, steps, blocks int) float64 {
	n := w.p.names
	w.request = request
	w.begin(us, trace.CategoryStage, "pipeline_forward")
	w.flow(us+0.1, recording.FlowIn, flow)
	w.begin(us+0.5, trace.CategoryStage, "diffusion_forward")
	w.instant(us+0.6, trace.CategoryMemory, "[memory]", n.num("Addr", 140_000_000), n.num("Bytes", 1<<20),
		n.num("Total Allocated", 1<<20), n.num("Total Reserved", 2<<20), n.num("Device Type", 0), n.num("Device Id", -1))
	us++
	for i := range steps {
		us = step(w, us, i, blocks)
	}
	w.instant(us, trace.CategoryMemory, "[memory]", n.num("Addr", 140_000_000), n.num("Bytes", -1<<20),
		n.num("Total Allocated", 0), n.num("Total Reserved", 2<<20), n.num("Device Type", 0), n.num("Device Id", -1))
	w.end(us + 0.2)
	w.end(us + 0.5)
	w.request = ""
	return us + 1
}

func step(w *line, us float64, i, blocks int) float64 {
	n := w.p.names
	w.begin(us, trace.CategoryStep, "denoise_step", n.num("step", int64(i)), n.float("t", 1-float64(i)/20),
		n.float("guidance", 3.5), n.num("cfg_batch", 2))
	us += 0.3
	for b := range blocks {
		module := fmt.Sprintf("blocks.%d", b)
		w.begin(us, trace.CategoryBlock, module)
		us += 0.2
		for _, op := range []struct{ name, module, dims string }{
			{"dit::layer_norm", ".norm1", "[[2,70,192]]"},
			{"dit::linear", ".attn.qkv", "[[2,70,192],[192,576]]"},
			{"dit::attention", ".attn", "[[2,3,70,64],[2,3,70,64],[2,3,70,64]]"},
			{"dit::linear", ".attn.proj", "[[2,70,192],[192,192]]"},
			{"dit::layer_norm", ".norm2", "[[2,70,192]]"},
			{"dit::linear", ".mlp.fc1", "[[2,70,192],[192,768]]"},
			{"dit::gelu", ".mlp.act", "[[2,70,768]]"},
			{"dit::linear", ".mlp.fc2", "[[2,70,768],[768,192]]"},
		} {
			dur := 20 + float64((b*31+i*17+len(op.dims)*7919)%9973)/1000
			w.span(us, dur, trace.CategoryOperator, op.name, n.text("module", module+op.module), n.shapes("Input Dims", op.dims),
				n.text("dtype", "float32"), n.num("flops", 30_965_760), n.num("bytes", 1_000_000))
			us += dur + 0.117
		}
		w.end(us)
		us += 0.1
	}
	w.end(us)
	return us + 0.4
}

// serve adds one request's way through core.
func serve(l *line, us, end float64, request string, flow uint64) {
	n := l.p.names
	l.request = request
	l.begin(us, trace.CategoryRequest, "http")
	l.span(us+1, 2, trace.CategoryRequest, "queue_wait")
	l.begin(us+4, trace.CategoryRequest, "dispatch", n.text("stage", "diffusion"), n.num("rank", 0))
	l.flow(us+4.5, recording.FlowOut, flow)
	l.end(end)
	l.span(end+1, 10, trace.CategoryRequest, "encode_image")
	l.span(end+12, 3, trace.CategoryRequest, "respond")
	l.end(end + 16)
	l.request = ""
}
