package summary

import (
	"fmt"
	"math/rand/v2"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// fixture makes batches as a reader would, with shared names and children before their parents.
type fixture struct {
	process *recording.Process
	names   map[key]*recording.Name
	track   *recording.Track
	events  []recording.Event
}

func newFixture(p trace.Process, pid int, track string) *fixture {
	of := &recording.Process{Process: p, PID: pid, Host: "host"}
	return &fixture{process: of, names: map[key]*recording.Name{}, track: &recording.Track{Process: of, ID: 1, Name: track}}
}

func core() *fixture {
	return newFixture(trace.Process{Kind: trace.ProcessCore, Name: "core", Model: "emoji"}, 100, "request 0")
}

func rank(stage int, stageName, plugin string, n int) *fixture {
	return newFixture(trace.Process{
		Kind: trace.ProcessModel, Name: plugin, Model: "emoji", Stage: stage, StageName: stageName, Rank: n,
	}, 200+10*stage+n, "worker")
}

func (f *fixture) name(c trace.Category, text string) *recording.Name {
	k := key{c, text}
	if f.names[k] == nil {
		f.names[k] = &recording.Name{Text: text, Category: c}
	}
	return f.names[k]
}

func (f *fixture) span(c trace.Category, name string, depth uint16, start, end int64, args ...recording.Arg) *recording.Event {
	f.events = append(f.events, recording.Event{
		Kind: recording.Span, Track: f.track, Name: f.name(c, name), Depth: depth, Start: start, End: end, Args: args,
	})
	return &f.events[len(f.events)-1]
}

func (f *fixture) flops(n int64) []recording.Arg {
	return []recording.Arg{
		{Key: f.name(trace.CategoryNone, "module"), Type: trace.TypeName, Text: "blocks.3.attn.qkv"},
		{Key: f.name(trace.CategoryNone, "Input Dims"), Type: trace.TypeShapes, Text: "[[2,70,192],[192,576]]"},
		{Key: f.name(trace.CategoryNone, "dtype"), Type: trace.TypeName, Text: "float32"},
		{Key: f.name(trace.CategoryNone, "flops"), Type: trace.TypeInt, Int: n},
		{Key: f.name(trace.CategoryNone, "bytes"), Type: trace.TypeInt, Int: 4 * n},
	}
}

func (f *fixture) batch() *recording.Batch {
	return &recording.Batch{Process: f.process, Events: f.events}
}

// generate is one request on a rank of the first stage, from start; it answers its end.
func (f *fixture) generate(start int64, steps, blocks int, rng *rand.Rand) int64 {
	now := start + 100_000
	begin := now
	for step := range steps {
		stepBegin := now
		for block := range blocks {
			blockBegin := now
			for _, op := range []struct {
				name  string
				flops int64
			}{{"dit::linear", 8_000_000}, {"dit::attention", 2_000_000}} {
				end := now + op.flops/40 + rng.Int64N(op.flops/200)
				f.span(trace.CategoryOperator, op.name, 4, now, end, f.flops(op.flops)...)
				now = end
			}
			end := now + 20_000
			f.span(trace.CategoryOperator, "dit::layer_norm", 4, now, end)
			now = end
			f.span(trace.CategoryBlock, fmt.Sprintf("blocks.%d", block), 3, blockBegin, now)
		}
		f.span(trace.CategoryStep, "denoise_step", 2, stepBegin, now, recording.Arg{Key: f.name(trace.CategoryNone, "step"), Type: trace.TypeInt, Int: int64(step)})
	}
	f.span(trace.CategoryStage, "diffusion_forward", 1, begin, now)
	f.span(trace.CategoryStage, "pipeline_forward", 0, start, now+50_000)
	return now + 50_000
}

// served is a recording of a server with two stages, the first of which has two ranks.
func served() []*recording.Batch {
	rng := rand.New(rand.NewPCG(1, 2))
	const origin = 1_790_000_000_000_000_000
	c, resize := core(), rank(1, "resize", "resize", 0)
	ranks := []*fixture{rank(0, "diffusion", "dit", 0), rank(0, "diffusion", "dit", 1)}
	for i := range 6 {
		start := int64(origin) + int64(i/2)*900_000_000 + int64(i%2)*5_000_000
		end := ranks[i%2].generate(start+2_000_000, 20+i, 6, rng)
		resize.span(trace.CategoryOperator, "resize::scale", 2, end+100_000, end+900_000)
		resize.span(trace.CategoryStage, "resize", 1, end+50_000, end+950_000)
		resize.span(trace.CategoryStage, "pipeline_forward", 0, end+10_000, end+1_000_000)
		c.span(trace.CategoryRequest, "queue_wait", 1, start+500_000, start+1_500_000)
		c.span(trace.CategoryRequest, "dispatch", 1, start+1_500_000, end)
		c.span(trace.CategoryRequest, "dispatch", 1, end, end+1_100_000)
		c.span(trace.CategoryRequest, "encode_image", 1, end+1_200_000, end+1_900_000)
		c.span(trace.CategoryRequest, "http", 0, start, end+2_000_000).Request = fmt.Sprintf("req-%d", i)
		c.events = append(c.events, recording.Event{Kind: recording.Counter, Track: c.track, Name: c.name(trace.CategoryCounter, "queue"), Start: start, Value: 1})
	}
	return []*recording.Batch{c.batch(), ranks[0].batch(), ranks[1].batch(), resize.batch()}
}
