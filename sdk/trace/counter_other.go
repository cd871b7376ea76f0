//go:build !amd64 && !arm64

package trace

import "github.com/strobe-dev/strobe/sdk/internal/segment"

func counter() uint64 { return 0 }

func invariantCounter() bool { return false }

const (
	counterClock = segment.ClockProcess
	needBarrier  = false
)
