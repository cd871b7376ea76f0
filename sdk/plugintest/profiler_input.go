package plugintest

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// Extremes records every kind of event with every type of argument, at the ends of what the types hold: numbers that are
// none, texts that no format takes as they are, work of a device, spans of no length and in the depth.
func (r *Recording) Extremes() {
	w := r.words
	r.worker.SetRequest("req-extremes")
	for _, args := range [][]trace.Arg{
		nil,
		{trace.Int(w.keyStep, math.MaxInt64), trace.Int(w.keyBytes, math.MinInt64)},
		{trace.Float(w.keyTime, math.NaN()), trace.Float(w.keyStep, math.Inf(1)), trace.Float(w.keyBytes, math.Inf(-1))},
		{trace.Float(w.keyTime, math.MaxFloat64), trace.Float(w.keyStep, math.SmallestNonzeroFloat64), trace.Float(w.keyBytes, math.Copysign(0, -1))},
		{trace.Bool(w.keyLast, true), trace.Bool(w.keyNote, false)},
		{trace.Text(w.keyModule, w.control), trace.Text(w.keyNote, 0), trace.Text(w.control, w.longest)},
		{trace.Shapes(w.keyShapes, w.shapes), trace.Shapes(w.keyNote, w.module)}, // the second is no list
		{trace.String(w.keyNote, ""), trace.String(w.keyModule, "\x00\xff\"\\\n</script>"), trace.String(w.keyTime, strings.Repeat("é", 512))},
		{trace.Int(w.keyStep, 1), trace.Int(w.keyStep, 2)}, // one key twice
		{trace.Int(0, 1)}, // a key without a name
	} {
		r.worker.Instant(w.memory, args...)
		r.worker.BeginArgs(w.linear, args...).End()
		r.worker.BeginArgs(w.control, args...).EndArgs(args...)
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -1} {
		r.worker.CountFloat(w.queue, v)
	}
	r.worker.Count(w.memory, math.MinInt64)
	r.worker.FlowOut(math.MaxUint64)
	r.worker.FlowIn(12345) // from nowhere
	r.deep(30)
	r.device()
}

func (r *Recording) deep(levels int) {
	if levels > 0 {
		defer r.worker.Begin(r.words.linear).End()
		r.deep(levels - 1)
	}
}

// device records work of every kind on a stream, and the calls that launched it.
func (r *Recording) device() {
	w := r.words
	r.rank.Fact(w.about, 0, trace.String(w.keyNote, "a device"), trace.Int(w.keyBytes, 80<<30))
	calls, stream := r.rank.CallTrack("thread 7", 7), r.rank.DeviceTrack("stream 13", 0, 1, 13)
	span := r.worker.Begin(w.linear)
	now := r.rank.Now()
	for kind := trace.WorkOther; kind <= trace.WorkOverhead; kind++ {
		id := uint64(kind) + 1
		calls.Put(&trace.Work{Name: w.launch, Kind: trace.WorkRuntimeCall, Begin: now, End: now, Correlation: id, External: span.ID(), Request: "req-extremes"})
		stream.Put(&trace.Work{Name: w.kernel, Kind: kind, Begin: now, End: now + 100, Correlation: id, Request: "req-extremes",
			Args: []trace.Arg{trace.String(w.keyNote, "grid"), trace.Int(w.keyBytes, 64)}})
	}
	span.End()
}

// everyArgument exports what a format most likely stumbles over.
func (c profilerChecks) everyArgument(ctx context.Context, p *Plugin) error {
	return c.export(ctx, p, job{id: "20260101-000000-aaaaaa", record: func(r *Recording) {
		r.Request("req-1", 2)
		r.Extremes()
	}})
}

// giantNames exports names, texts and ids that are as long as a recording holds them, and more names than a screen does.
func (c profilerChecks) giantNames(ctx context.Context, p *Plugin) error {
	giant := strings.Repeat("é\"\n\\", 4<<10)
	return c.export(ctx, p, job{id: "20260101-000000-aaaaaa", label: giant, record: func(r *Recording) {
		r.Request(giant, 2)
		r.rank.Track(giant).Begin(r.words.longest).End()
		for i := range 30 {
			r.rank.Track(fmt.Sprintf("track %d", i)).Begin(trace.Name(fmt.Sprintf("%d %.2000s", i, giant))).EndArgs(trace.String(r.words.longest, giant))
		}
	}})
}
