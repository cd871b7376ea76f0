package profile

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxSteps bounds the denoise steps that a profile counts.
const maxSteps = 1 << 30

// checkRequest checks a start's values. An error is an *[Error] that names the option and says what it may be.
func (m *Manager) checkRequest(r *StartRequest) error {
	if err := checkLabel(r.Label); err != nil {
		return err
	}
	if err := r.checkOneShot(); err != nil {
		return err
	}
	for i, name := range r.Profilers {
		if slices.Contains(r.Profilers[:i], name) {
			return invalid("profilers", "%q is named twice; name each once", name)
		}
	}
	if r.Model != "" && r.Model != "default" && r.Model != m.o.Model {
		return invalid("model", "this server serves %q, not %q; send that, or leave it out", m.o.Model, clip(r.Model))
	}
	for _, check := range []func(*StartRequest) error{m.checkTimes, m.checkNumbers, m.checkStages, m.checkRanks, m.checkActivities} {
		if err := check(r); err != nil {
			return err
		}
	}
	if r.RecordPrompts && !m.o.RecordPrompts {
		return invalid("record_prompts", "the configuration does not allow it; set profile.record_prompts = true there, or leave it out")
	}
	return nil
}

func (m *Manager) checkTimes(r *StartRequest) error {
	for _, t := range []struct {
		name  string
		value time.Duration
	}{{"duration_s", r.Duration}, {"start_after_s", r.StartAfter}} {
		switch {
		case t.value < 0:
			return invalid(t.name, "%v is negative; give seconds above 0, or leave it out", t.value)
		case t.value > m.o.MaxDuration:
			return invalid(t.name, "%v is longer than profile.max_duration, %v", t.value, m.o.MaxDuration)
		}
	}
	if r.MinDuration < 0 || r.MinDuration > m.o.MaxDuration {
		return invalid("min_duration_us", "%v must be from 0 to profile.max_duration, %v", r.MinDuration, m.o.MaxDuration)
	}
	return nil
}

func (m *Manager) checkNumbers(r *StartRequest) error {
	for _, n := range []struct {
		name  string
		value int
	}{{"num_requests", r.NumRequests}, {"num_steps", r.NumSteps}, {"start_step", r.StartStep}} {
		if n.value < 0 || n.value > maxSteps {
			return invalid(n.name, "%d must be from 1 to %d; leave it out to do without", n.value, maxSteps)
		}
	}
	if r.MaxBytes < 0 || r.MaxBytes > m.o.MaxBytes {
		return invalid("max_bytes", "%d must be from 1 to profile.max_bytes, %d", r.MaxBytes, m.o.MaxBytes)
	}
	return nil
}

func (m *Manager) checkStages(r *StartRequest) error {
	var known []string
	have := map[int]bool{}
	for _, rank := range m.o.Ranks {
		if !have[rank.Stage()] {
			have[rank.Stage()] = true
			known = append(known, fmt.Sprintf("%d (%s)", rank.Stage(), rank.StageName()))
		}
	}
	for i, s := range r.Stages {
		switch {
		case !have[s]:
			return invalid("stages", "there is no stage %d; the stages are %s", s, strings.Join(known, ", "))
		case slices.Contains(r.Stages[:i], s):
			return invalid("stages", "%d is named twice; name each once", s)
		}
	}
	return nil
}

// checkRanks wants each rank in one of the stages that are recorded.
func (m *Manager) checkRanks(r *StartRequest) error {
	var known []string
	have := map[int]bool{}
	for _, rank := range m.o.Ranks {
		if len(r.Stages) > 0 && !slices.Contains(r.Stages, rank.Stage()) {
			continue
		}
		have[rank.Rank()] = true
		known = append(known, fmt.Sprintf("%d of stage %d (%s)", rank.Rank(), rank.Stage(), rank.StageName()))
	}
	for i, n := range r.Ranks {
		switch {
		case !have[n]:
			return invalid("ranks", "there is no rank %d; the ranks are %s", n, strings.Join(known, ", "))
		case slices.Contains(r.Ranks[:i], n):
			return invalid("ranks", "%d is named twice; name each once", n)
		}
	}
	return nil
}

// checkActivities holds a request that was made without [ParseActivities].
func (m *Manager) checkActivities(r *StartRequest) error {
	words := make([]string, len(r.Activities))
	for i, a := range r.Activities {
		words[i] = string(a)
	}
	list, err := ParseActivities(words)
	r.Activities = list
	return err
}
