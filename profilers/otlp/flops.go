package otlp

import (
	"math"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// maxNesting bounds how deep operations are added up from.
const maxNesting = 64

// operations adds floating-point operations up, from the operators that state them to the spans of the track around them, as the
// table of a profile does. A step says its own, whatever the level of detail. Children come before their parents.
type operations struct {
	below [maxNesting]struct {
		parent uint64 // Seq of the span that is around
		flops  int64  // of the ended spans that it is around, at this depth
	}
}

// ended is what a span that ends did, with all that was below it.
func (o *operations) ended(e *recording.Event) int64 {
	flops := stated(e.Args)
	d := int(e.Depth)
	if d >= maxNesting {
		return flops
	}
	if d+1 < maxNesting {
		if in := &o.below[d+1]; in.parent == e.Seq {
			flops = sum(flops, in.flops)
			in.flops, in.parent = 0, 0
		}
	}
	if flops == 0 {
		return 0
	}
	if at := &o.below[d]; at.parent == e.Parent {
		at.flops = sum(at.flops, flops)
	} else { // the one before never ended
		at.parent, at.flops = e.Parent, flops
	}
	return flops
}

// stated is what a span says of itself.
func stated(args []recording.Arg) int64 {
	for i := range args {
		if a := &args[i]; a.Type == trace.TypeInt && a.Key.Text == nameFlops {
			return max(a.Int, 0)
		}
	}
	return 0
}

func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
