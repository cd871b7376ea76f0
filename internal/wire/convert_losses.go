package wire

import (
	modelv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/model/v1"
	profilerv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/profiler/v1"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// lossMessage is what both services' messages of losses have.
type lossMessage interface {
	GetFull() uint64
	GetNotReady() uint64
	GetNames() uint64
	GetTruncated() uint64
	GetDepth() uint64
	GetDevice() uint64
}

func lossesFrom(l lossMessage) trace.Losses {
	return trace.Losses{
		Full: l.GetFull(), NotReady: l.GetNotReady(), Names: l.GetNames(), Truncated: l.GetTruncated(), Depth: l.GetDepth(),
		Device: l.GetDevice(),
	}
}

func toModelLosses(l trace.Losses) *modelv1.Losses {
	return &modelv1.Losses{Full: l.Full, NotReady: l.NotReady, Names: l.Names, Truncated: l.Truncated, Depth: l.Depth, Device: l.Device}
}

func toProfilerLosses(l trace.Losses) *profilerv1.Losses {
	return &profilerv1.Losses{Full: l.Full, NotReady: l.NotReady, Names: l.Names, Truncated: l.Truncated, Depth: l.Depth, Device: l.Device}
}

// notesFrom are notes as a plugin sent them, bounded.
func notesFrom(sent []string) []string {
	const most = 32
	var notes []string
	for _, n := range sent[:min(len(sent), most)] {
		notes = append(notes, text(n))
	}
	return notes
}
