package profile

import (
	"slices"
	"time"

	"github.com/strobe-dev/strobe/sdk/recording"
)

// Chosen are the options that a profile was started with, under the names that callers use. What is exported follows
// from them, now and in a later export.
type Chosen struct {
	// OnlyRequests are the ids of the requests that the profile is about; empty: all.
	OnlyRequests []string `json:"only_requests,omitempty"`
	Stages       []int    `json:"stages,omitempty"`          // indices of stages; empty: all
	MinDuration  int64    `json:"min_duration_us,omitempty"` // spans that took less microseconds are not exported
}

// chosen is what r says, nil when it says nothing.
func (r StartRequest) chosen() *Chosen {
	c := &Chosen{OnlyRequests: r.OnlyRequests, Stages: r.Stages, MinDuration: r.MinDuration.Microseconds()}
	if len(c.OnlyRequests) == 0 && len(c.Stages) == 0 && c.MinDuration == 0 {
		return nil
	}
	return c
}

// filter is what is exported of the profile's recording.
func (v *View) filter() recording.Filter {
	c := v.Options
	if c == nil {
		return recording.Filter{}
	}
	return recording.Filter{Requests: c.OnlyRequests, Stages: c.Stages, MinDuration: time.Duration(c.MinDuration) * time.Microsecond}
}

func (c *Chosen) clone() *Chosen {
	if c == nil {
		return nil
	}
	d := *c
	d.OnlyRequests, d.Stages = slices.Clone(c.OnlyRequests), slices.Clone(c.Stages)
	return &d
}
