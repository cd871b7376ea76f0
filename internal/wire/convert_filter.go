package wire

import (
	"time"

	profilerv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/profiler/v1"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// toFilter is nil when nothing is left out.
func toFilter(f recording.Filter) *profilerv1.Filter {
	if f.IsZero() {
		return nil
	}
	m := &profilerv1.Filter{Categories: uint32(f.Categories), MinDurationNs: int64(f.MinDuration), Stages: toIndices(f.Stages), Ranks: toIndices(f.Ranks)}
	for _, id := range f.Requests {
		m.Requests = append(m.Requests, text(id))
	}
	return m
}

func filterFrom(m *profilerv1.Filter) recording.Filter {
	return recording.Filter{
		Requests: m.GetRequests(), Categories: trace.Categories(m.GetCategories()), MinDuration: time.Duration(m.GetMinDurationNs()),
		Stages: indicesFrom(m.GetStages()), Ranks: indicesFrom(m.GetRanks()),
	}
}

func toIndices(list []int) []int32 {
	var out []int32
	for _, n := range list {
		out = append(out, int32(n))
	}
	return out
}

func indicesFrom(list []int32) []int {
	var out []int
	for _, n := range list {
		out = append(out, int(n))
	}
	return out
}
