package catalog

import (
	"errors"
	"strings"
	"time"

	"github.com/strobe-dev/strobe/internal/wire"
)

// Reasons of a death, for people and as a metric's label.
const (
	DeathExit   = "exit"   // it ended by itself
	DeathSignal = "signal" // a signal ended it that the server did not send
	DeathMemory = "memory" // it used more memory than it may
	DeathHang   = "hang"   // it did not come back from a call
	DeathStart  = "start"  // a successor did not come up
)

// history is what is remembered of a plugin's processes beyond their lives. It belongs to whoever holds its owner's lock.
type history struct {
	last    error // what went wrong last
	at      time.Time
	deaths  map[string]int // by reason
	logLost int64          // of processes that are gone
	left    int
}

// failed notes an error that is no death.
func (h *history) failed(err error) { h.last, h.at = err, time.Now() }

// died notes the end of a process, or a start that came to nothing.
func (h *history) died(err error) {
	h.failed(err)
	if h.deaths == nil {
		h.deaths = map[string]int{}
	}
	h.deaths[reasonOf(err)]++
}

// gone adds up what a process counted that is no more.
func (h *history) gone(p *wire.Process) {
	h.logLost += p.LogLost()
	h.left += p.Left()
}

func reasonOf(err error) string {
	var exit *wire.ExitError
	switch {
	case !errors.As(err, &exit):
		return DeathStart
	case errors.Is(err, wire.ErrMemory):
		return DeathMemory
	case wire.Hung(err):
		return DeathHang
	case strings.HasPrefix(exit.Status, "signal"):
		return DeathSignal
	}
	return DeathExit
}
