package engine

import (
	"maps"

	"github.com/strobe-dev/strobe/sdk/model"
)

// ModelInfo is what the served model is, as its stages say.
type ModelInfo struct {
	Name string
	// Sizes that the first stage makes natively; empty when it makes any.
	Sizes []model.Size
	// AnySize tells that other sizes than Sizes are served too, by the first stage or by one that resizes, up to Max.
	AnySize bool
	// Max is the largest size served when AnySize; a zero side has no bound.
	Max model.Size
	// DefaultSteps, DefaultGuidance and MaxSteps of the first stage; MaxSteps 0: it has no steps.
	DefaultSteps    int
	DefaultGuidance float64
	MaxSteps        int
	Synthetic       bool  // any stage has made-up weights
	Parameters      int64 // of all stages; 0 when unknown
	Stages          []StageInfo
}

// StageInfo is one stage of a model.
type StageInfo struct {
	Index     int
	Name      string
	Plugin    string
	Replicas  int
	Synthetic bool
	Details   map[string]string
}

// Model says what the engine serves. The value is the caller's own.
func (e *Engine) Model() ModelInfo {
	m := ModelInfo{Name: e.name}
	for i, s := range e.stages {
		info := s.Info
		m.Synthetic = m.Synthetic || info.Synthetic
		m.Parameters += info.Parameters
		m.Stages = append(m.Stages, StageInfo{
			Index: s.Index, Name: s.Name, Plugin: s.Plugin, Replicas: len(s.Ranks),
			Synthetic: info.Synthetic, Details: maps.Clone(info.Details),
		})
		switch {
		case i == 0:
			m.Sizes = append(m.Sizes, info.Sizes...)
			m.AnySize = len(info.Sizes) == 0
			if m.AnySize {
				m.Max = info.Max
			}
			m.DefaultSteps, m.DefaultGuidance, m.MaxSteps = info.DefaultSteps, info.DefaultGuidance, info.MaxSteps
		case info.Resizes && !m.AnySize:
			m.AnySize, m.Max = true, info.Max
		case info.Resizes:
			m.Max = larger(m.Max, info.Max)
		}
	}
	return m
}

// larger is the bound that admits more, side by side; a zero side has no bound.
func larger(a, b model.Size) model.Size {
	side := func(a, b int) int {
		if a == 0 || b == 0 {
			return 0
		}
		return max(a, b)
	}
	return model.Size{Width: side(a.Width, b.Width), Height: side(a.Height, b.Height)}
}
