package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

const (
	perOperator = 4  // kernels, as the model has it by default
	perStep     = 10 // operators

	// tolerance is how far two clocks may seem to be apart, in nanoseconds.
	tolerance = 20_000
)

// recorded is what a recording holds of a model's launches.
type recorded struct {
	work      int // device events and calls
	operators map[spanKey]during
	calls     map[uint64]during // by correlation
	kernels   []kernel
	counts    []int // the model's own counter
}

type spanKey struct {
	track *recording.Track
	seq   uint64
}

type during struct{ start, end int64 } // nanoseconds

type kernel struct {
	during
	span        spanKey
	stream      *recording.Track
	correlation uint64
}

// compare reads the recording and checks each kernel.
func (t *tried) compare(dir string) error {
	r, err := readRecording(dir)
	if err != nil {
		return err
	}
	t.work, t.kernels, t.launches = r.work, len(r.kernels), perOperator*len(r.operators)
	if t.kernels != t.launches {
		return fmt.Errorf("%d kernels were recorded, %d were launched", t.kernels, t.launches)
	}
	if len(r.counts) == 0 {
		return fmt.Errorf("the model did not count its launches")
	}
	// The model tells its counter at the end of each step: the first one's launches are in the first value.
	if counted := slices.Max(r.counts) - slices.Min(r.counts) + perStep*perOperator; t.kernels != counted {
		return fmt.Errorf("%d kernels were recorded, the model counted %d launches", t.kernels, counted)
	}
	return r.check()
}

// check looks at each kernel: launched within its operator, begun after its launch, in its stream's order.
func (r *recorded) check() error {
	slices.SortFunc(r.kernels, func(a, b kernel) int { return cmp.Compare(a.correlation, b.correlation) })
	before := map[*recording.Track]int64{}
	for _, k := range r.kernels {
		op, known := r.operators[k.span]
		call, called := r.calls[k.correlation]
		switch {
		case !known || !called:
			return fmt.Errorf("kernel %d has no operator (%v) or no launch (%v)", k.correlation, known, called)
		case call.start < op.start-tolerance || call.end > op.end+tolerance:
			return fmt.Errorf("kernel %d was launched at %+v, not within its operator, %+v", k.correlation, call, op)
		case k.start < call.start-tolerance:
			return fmt.Errorf("kernel %d began at %d, before its launch at %d", k.correlation, k.start, call.start)
		case k.start < before[k.stream]-tolerance:
			return fmt.Errorf("kernel %d began at %d, before the end of the one before it in its stream, %d", k.correlation, k.start, before[k.stream])
		}
		before[k.stream] = k.end
	}
	return nil
}

func readRecording(dir string) (*recorded, error) {
	r := &recorded{operators: map[spanKey]during{}, calls: map[uint64]during{}}
	sums, err := recording.Read(context.Background(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			r.add(e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, s := range sums {
		if s.Lost.Total() > 0 || s.Lost.Corrupt > 0 {
			return nil, fmt.Errorf("%s lost events: %+v", s.Process.Name, s.Lost)
		}
	}
	return r, nil
}

func (r *recorded) add(e *recording.Event) {
	at := during{e.Start, e.End}
	switch {
	case e.Track.Device || e.Track.Calls:
		r.work++
		switch e.Work.Kind {
		case trace.WorkKernel:
			r.kernels = append(r.kernels, kernel{at, spanKey{e.Work.Track, e.Work.External}, e.Track, e.Work.Correlation})
		case trace.WorkDriverCall, trace.WorkRuntimeCall:
			r.calls[e.Work.Correlation] = at
		}
	case e.Kind == recording.Counter && e.Name.Text == "launches":
		r.counts = append(r.counts, int(e.Value))
	case e.Name.Text == "example::scale":
		r.operators[spanKey{e.Track, e.Seq}] = at
	}
}
