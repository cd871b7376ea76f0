package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

var profileKeys = []string{"dir", "max_duration", "max_bytes", "keep"}

const whyMaxBytes = "half of it is split between the recordings of all processes, each of which needs 1MiB; the other half is for the profilers"

func (r *reader) profile(at hcl.Range, body *hclsyntax.Body) Profile {
	b := r.open("profile", at, body, profileKeys, nil)
	p := Profile{
		Dir:         b.file("dir"),
		MaxDuration: b.duration("max_duration", DefaultMaxDuration, MinMaxDuration, MaxMaxDuration),
		MaxBytes:    b.size("max_bytes", DefaultMaxBytes, MinMaxBytes, MaxMaxBytes, whyMaxBytes),
		Keep:        b.whole("keep", DefaultKeep, 1, MaxKeep),
		Origin:      b.Origin,
	}
	if p.Dir == "" {
		p.Dir = resolve(r.dir, DefaultProfileDir)
	}
	return p
}
