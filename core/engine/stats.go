package engine

import (
	"context"
	"errors"
	"time"

	"github.com/strobe-dev/strobe/sdk/model"
)

// Stats is a moment of an engine, for /metrics and /health.
type Stats struct {
	Queue    int // requests that wait for a rank
	InFlight int // requests that are being served
	Admitted int // both together
	Draining bool
	Totals   Totals
	Stages   []StageStats
}

// Totals count the requests that ended since the engine was made, by outcome.
type Totals struct {
	OK, BadRequest, QueueFull, Failed, Timeout, Cancelled, Draining uint64
	Images                                                          uint64
}

// StageStats is a moment of one stage.
type StageStats struct {
	Name    string
	Plugin  string
	Ranks   int
	RanksUp int
	Busy    int // ranks that serve a request
	Waiting int // requests that wait for a rank of this stage
	// Restarts of the stage's ranks since they were first started; ranks that cannot tell count as none.
	Restarts int
	Service  time.Duration // moving mean of recent requests on one rank; 0 before the first
}

// Outcome of a request.
type Outcome string

// Outcomes.
const (
	OutcomeOK         Outcome = "ok"
	OutcomeBadRequest Outcome = "bad_request"
	OutcomeQueueFull  Outcome = "queue_full"
	OutcomeFailed     Outcome = "failed"
	OutcomeTimeout    Outcome = "timeout"
	OutcomeCancelled  Outcome = "cancelled" // the client went away
	OutcomeDraining   Outcome = "draining"
)

// Observer is told of requests.
type Observer interface {
	// OnRequest is called once for each request that ended, on the request's goroutine; it must be quick and safe for
	// concurrent use.
	OnRequest(Report)
}

// StepObserver is an optional companion of [Observer].
type StepObserver interface {
	// OnSteps is called when denoise steps have ended in a rank of a stage, on the request's goroutine. It must be quick and
	// safe for concurrent use.
	OnSteps(stage, steps int)
}

// Report is how a request went.
type Report struct {
	Outcome   Outcome
	Err       error // nil when OutcomeOK
	Images    int
	Pixels    int64 // of all images
	Steps     int
	QueueWait time.Duration
	Total     time.Duration // from arrival to the last image
	// Stages: seconds that each stage passed through took, by its name.
	Stages map[string]float64
	// StepSeconds: by stage, the time from each report of a denoise step's end to the next one's. A request's first step is not
	// among them, because nothing says when it began.
	StepSeconds map[string][]float64
}

// Stats is the engine as it is now.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Stats{Queue: e.waiting, InFlight: e.admitted - e.waiting, Admitted: e.admitted, Draining: e.draining, Totals: e.totals}
	for _, st := range e.stages {
		row := StageStats{Name: st.Name, Plugin: st.Plugin, Ranks: len(st.slots), Waiting: st.waiters.Len(), Service: st.service}
		for _, slot := range st.slots {
			if slot.busy {
				row.Busy++
			}
			if slot.rank.Err() == nil {
				row.RanksUp++
			}
			if r, ok := slot.rank.(interface{ Restarts() int }); ok {
				row.Restarts += r.Restarts()
			}
		}
		s.Stages = append(s.Stages, row)
	}
	return s
}

// outcomeOf sorts an error of Generate.
func outcomeOf(err error) Outcome {
	var full *QueueFullError
	var rank *RankError
	_, bad := model.AsRequestError(err)
	switch {
	case err == nil:
		return OutcomeOK
	case errors.As(err, &rank): // before the contexts' errors: a rank may have run into a deadline of its own
		return OutcomeFailed
	case bad:
		return OutcomeBadRequest
	case errors.As(err, &full):
		return OutcomeQueueFull
	case errors.Is(err, ErrDraining):
		return OutcomeDraining
	case errors.Is(err, ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return OutcomeTimeout
	case errors.Is(err, context.Canceled):
		return OutcomeCancelled
	default:
		return OutcomeFailed
	}
}

func (t *Totals) add(o Outcome, images int) {
	t.Images += uint64(images)
	switch o {
	case OutcomeOK:
		t.OK++
	case OutcomeBadRequest:
		t.BadRequest++
	case OutcomeQueueFull:
		t.QueueFull++
	case OutcomeTimeout:
		t.Timeout++
	case OutcomeCancelled:
		t.Cancelled++
	case OutcomeDraining:
		t.Draining++
	case OutcomeFailed:
		t.Failed++
	}
}
