package profile

import (
	"slices"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
)

// Chosen are the options that a profile was started with, under the names that callers use; those that were not given are
// absent. What is exported follows from them, now and in a later export.
type Chosen struct {
	// OnlyRequests are the ids of the requests that the profile is about; empty: all.
	OnlyRequests  []string   `json:"only_requests,omitempty"`
	Activities    []Activity `json:"activities,omitempty"`
	Stages        []int      `json:"stages,omitempty"`          // indices of stages
	Ranks         []int      `json:"ranks,omitempty"`           // indices of ranks within their stages
	MinDurationUs int64      `json:"min_duration_us,omitempty"` // spans that took less microseconds are not exported
	NumRequests   int        `json:"num_requests,omitempty"`
	NumSteps      int        `json:"num_steps,omitempty"`
	StartStep     int        `json:"start_step,omitempty"`
	DurationS     float64    `json:"duration_s,omitempty"`
	StartAfterS   float64    `json:"start_after_s,omitempty"`
	MaxBytes      int64      `json:"max_bytes,omitempty"`
	RecordPrompts bool       `json:"record_prompts,omitempty"`
}

// chosen is what r says, nil when it says nothing.
func (r *StartRequest) chosen() *Chosen {
	c := Chosen{
		OnlyRequests: slices.Clone(r.OnlyRequests), Activities: slices.Clone(r.Activities), Stages: slices.Clone(r.Stages), Ranks: slices.Clone(r.Ranks),
		MinDurationUs: r.MinDuration.Microseconds(), NumRequests: r.NumRequests, NumSteps: r.NumSteps, StartStep: r.StartStep,
		DurationS: r.Duration.Seconds(), StartAfterS: r.StartAfter.Seconds(), MaxBytes: r.MaxBytes, RecordPrompts: r.RecordPrompts,
	}
	if len(c.OnlyRequests)+len(c.Activities)+len(c.Stages)+len(c.Ranks) == 0 && c.MinDurationUs == 0 && c.NumRequests == 0 &&
		c.NumSteps == 0 && c.StartStep == 0 && c.DurationS == 0 && c.StartAfterS == 0 && c.MaxBytes == 0 && !c.RecordPrompts {
		return nil
	}
	return &c
}

// filter is what is exported of the profile's recording.
func (v *View) filter() recording.Filter {
	c := v.Options
	if c == nil {
		return recording.Filter{}
	}
	return recording.Filter{Requests: c.OnlyRequests, Categories: categoriesOf(c.Activities), Stages: c.Stages, Ranks: c.Ranks,
		MinDuration: time.Duration(c.MinDurationUs) * time.Microsecond}
}

// wantsPprof tells whether CPU profiles belong to the profile.
func (v *View) wantsPprof() bool {
	return v.Options != nil && slices.Contains(v.Options.Activities, ActivityPprof)
}

func (c *Chosen) clone() *Chosen {
	if c == nil {
		return nil
	}
	d := *c
	d.OnlyRequests, d.Activities = slices.Clone(c.OnlyRequests), slices.Clone(c.Activities)
	d.Stages, d.Ranks = slices.Clone(c.Stages), slices.Clone(c.Ranks)
	return &d
}
