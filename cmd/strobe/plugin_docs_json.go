//go:build !windows

package main

import (
	"github.com/strobe-dev/strobe/internal/wire"
	"github.com/strobe-dev/strobe/sdk/schema"
)

// describedPlugin is what `plugin docs --json` prints.
type describedPlugin struct {
	Name         string            `json:"name"`
	Kind         string            `json:"kind"`
	Version      string            `json:"version"`
	Summary      string            `json:"summary"`
	APIVersions  []int             `json:"api_versions"`
	Capabilities []string          `json:"capabilities"`
	Options      []describedOption `json:"options"`
}

type describedOption struct {
	Name     string            `json:"name"`
	Type     string            `json:"type"` // as a user calls it: "a whole number"
	Doc      string            `json:"doc,omitempty"`
	Default  *string           `json:"default,omitempty"` // as text; elements of a list are separated by commas
	Required bool              `json:"required,omitempty"`
	Enum     []string          `json:"enum,omitempty"`
	Min      *float64          `json:"min,omitempty"` // of a duration in seconds
	Max      *float64          `json:"max,omitempty"`
	Options  []describedOption `json:"options,omitempty"` // of a block
}

func describe(d wire.Description) describedPlugin {
	return describedPlugin{d.Name, d.Kind, d.Version, d.Summary, append([]int{}, d.APIVersions...), append([]string{}, d.Capabilities...), describeOptions(d.Config)}
}

func describeOptions(options []schema.Attribute) []describedOption {
	out := []describedOption{}
	for _, o := range options {
		d := describedOption{Name: o.Name, Type: o.Type.String(), Doc: o.Doc, Required: o.Required, Enum: o.Enum, Min: o.Min, Max: o.Max, Options: describeOptions(o.Fields)}
		if o.HasDefault {
			d.Default = &o.Default
		}
		out = append(out, d)
	}
	return out
}
