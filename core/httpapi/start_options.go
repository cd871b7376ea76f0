package httpapi

import (
	"math"
	"strconv"
	"time"

	"github.com/strobe-dev/strobe/core/profile"
)

// startKeys are the options of a profile that the compatibility routes know, too. The model is not among them: their clients
// send that of their generations.
var startKeys = []string{
	"profilers", "stages", "ranks", "activities", "min_duration_us", "num_requests", "num_steps", "start_step",
	"duration_s", "start_after_s", "max_bytes", "label", "record_prompts",
}

// strictKeys are all options of a profile.
var strictKeys = append([]string{"model"}, startKeys...)

// Bounds of a start's numbers; the profile manager's own limits are lower.
const (
	maxIndex     = 1023
	maxCount     = 1 << 30
	maxDurationS = 1e6
	minDurationS = 1e-3
	maxBytes     = 1 << 40
)

// strictStart reads all options.
func strictStart(p *params) profile.StartRequest {
	r := startRequest(p)
	r.Model = p.str("model")
	activities, err := profile.ParseActivities(p.words("activities"))
	if e, ok := profile.AsError(err); ok {
		p.fail(codeInvalidValue, e.Param, "%s", e.Message)
	}
	r.Activities = activities
	return r
}

// startRequest reads startKeys. Activities of other servers, such as RPD, are passed over.
func startRequest(p *params) profile.StartRequest {
	r := profile.StartRequest{
		Profilers:     p.words("profilers"),
		Stages:        p.indices("stages"),
		Ranks:         p.indices("ranks"),
		NumRequests:   p.integer("num_requests", 1, maxCount, 0),
		NumSteps:      p.integer("num_steps", 1, maxCount, 0),
		StartStep:     p.integer("start_step", 0, maxCount, 0),
		Duration:      p.seconds("duration_s", minDurationS),
		StartAfter:    p.seconds("start_after_s", 0),
		MaxBytes:      int64(p.integer("max_bytes", 1, maxBytes, 0)),
		Label:         p.str("label"),
		RecordPrompts: p.boolean("record_prompts"),
	}
	r.MinDuration = time.Duration(p.integer("min_duration_us", 0, maxDurationS*1e6, 0)) * time.Microsecond
	for _, word := range p.words("activities") {
		if list, err := profile.ParseActivities([]string{word}); err == nil {
			r.Activities = append(r.Activities, list...)
		}
	}
	return r
}

// indices is a list of numbers from 0.
func (p *params) indices(name string) []int {
	var list []int
	for _, word := range p.words(name) {
		n, err := strconv.Atoi(word)
		if err != nil || n < 0 || n > maxIndex {
			p.fail(codeInvalidValue, name, "%s must be a list of numbers from 0, such as [0], not %q", name, clip(word, 40))
			return nil
		}
		list = append(list, n)
	}
	return list
}

// seconds is a time from lo seconds on; 0 when it was not given.
func (p *params) seconds(name string, lo float64) time.Duration {
	s := p.float(name, lo, maxDurationS)
	if s == nil {
		return 0
	}
	return time.Duration(math.Round(*s * float64(time.Second)))
}
