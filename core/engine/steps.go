package engine

import (
	"time"

	"github.com/strobe-dev/strobe/sdk/model"
)

// maxStepTimes bounds what is kept of one stage's steps, whatever a plugin reports.
const maxStepTimes = 1000

// timeSteps is progress with a clock beside it: it measures the steps of a request in core, from the reports that ranks send
// anyway, so that the ranks have no work of it. Without an observer it is progress.
func (e *Engine) timeSteps(s *stage, res *Result, progress func(string, model.Progress)) func(string, model.Progress) {
	if e.o.Observer == nil {
		return progress
	}
	var last model.Progress
	var at time.Time
	steps, _ := e.o.Observer.(StepObserver)
	return func(name string, p model.Progress) {
		if n := p.Step - last.Step; steps != nil && n > 0 {
			steps.OnSteps(s.Index, n)
		}
		now := time.Now()
		if n := p.Step - last.Step; !at.IsZero() && n > 0 && len(res.stepSeconds[s.Name]) < maxStepTimes {
			if res.stepSeconds == nil {
				res.stepSeconds = make(map[string][]float64, len(e.stages))
			}
			res.stepSeconds[s.Name] = append(res.stepSeconds[s.Name], now.Sub(at).Seconds()/float64(n))
		}
		last, at = p, now
		if progress != nil {
			progress(name, p)
		}
	}
}
