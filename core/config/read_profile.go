package config

import (
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

var profileKeys = []string{"dir", "max_duration", "max_bytes", "keep", "max_total_bytes", "max_age", "min_free_bytes", "sample_every", "record_prompts", "control"}

const (
	whyMaxBytes = "half of it is split between the recordings of all processes, each of which needs 1MiB; the other half is for the profilers"
	whyTotal    = "the newest profile is always kept, and it may take profile.max_bytes"
)

func (r *reader) profile(at hcl.Range, body *hclsyntax.Body) Profile {
	b := r.open("profile", at, body, profileKeys, nil)
	p := Profile{
		Dir:           b.file("dir"),
		MaxDuration:   b.duration("max_duration", DefaultMaxDuration, MinMaxDuration, MaxMaxDuration),
		MaxBytes:      b.size("max_bytes", DefaultMaxBytes, MinMaxBytes, MaxMaxBytes, whyMaxBytes),
		Keep:          b.whole("keep", DefaultKeep, 1, MaxKeep),
		MinFreeBytes:  b.size("min_free_bytes", DefaultMinFreeBytes, 0, MaxMaxBytes, ""),
		RecordPrompts: b.flag("record_prompts", false),
		Control:       b.oneOf("control", ControlRecord, controls),
		Origin:        b.Origin,
	}
	if !b.absent("max_total_bytes") {
		p.MaxTotalBytes = b.size("max_total_bytes", p.MaxBytes, p.MaxBytes, MaxTotal, whyTotal)
	}
	if !b.absent("max_age") {
		p.MaxAge = b.duration("max_age", 7*24*time.Hour, MinMaxAge, MaxMaxAge)
	}
	if !b.absent("sample_every") {
		p.SampleEvery = b.whole("sample_every", 1000, 0, MaxSampleEvery)
	}
	if p.Dir == "" {
		p.Dir = resolve(r.dir, DefaultProfileDir)
	}
	return p
}
