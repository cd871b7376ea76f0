// Command profiler-steps is a profiler plugin: it writes a table with one line for each denoise step of a profile.
package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/strobe-dev/strobe/sdk/plugin"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Config is the profiler's block in plugins.hcl.
type Config struct {
	MinMS float64 `strobe:"min_ms" doc:"leave out steps that took less, in milliseconds" default:"0" min:"0"`
}

type steps struct{ config Config }

func (s *steps) Open(_ context.Context, p profiler.Profile) (profiler.Sink, error) {
	return &table{profile: p, min: s.config.MinMS, rows: *bytes.NewBufferString("request,stage,rank,step,ms\n")}, nil
}

type table struct {
	profile         profiler.Profile
	min             float64
	rows            bytes.Buffer
	events, dropped uint64
}

func (t *table) Consume(_ context.Context, b *recording.Batch) error {
	for e := range b.All() {
		ms := float64(e.End-e.Start) / 1e6
		switch {
		case e.Kind != recording.Span || e.Name.Category != trace.CategoryStep || ms < t.min:
		case t.profile.MaxBytes > 0 && int64(t.rows.Len()+1024) > t.profile.MaxBytes:
			t.dropped++
		default:
			t.events++
			request := strings.ReplaceAll(e.Request, `"`, `""`)
			fmt.Fprintf(&t.rows, "\"%s\",%s,%d,%d,%.6f\n", request, b.Process.StageName, b.Process.Rank, number(e), ms)
		}
	}
	return nil
}

// number is which step of its image e is.
func number(e *recording.Event) int64 {
	for _, a := range e.Args {
		if a.Key.Text == "step" {
			return a.Int
		}
	}
	return -1
}

func (t *table) Finish(context.Context, profiler.Summary) ([]profiler.Artifact, error) {
	f, err := profiler.CreateFile(t.profile, "steps.csv") // it appears whole or not at all
	if err != nil {
		return nil, err
	}
	f.Write(t.rows.Bytes()) // Publish has its error
	a, err := f.Publish(profiler.Artifact{MediaType: "text/csv", Events: t.events, Dropped: t.dropped})
	return []profiler.Artifact{a}, err
}

func mine() (profiler.Profiler, profiler.Description) {
	s := &steps{}
	return s, profiler.Description{Name: "steps", Version: "1.0.0", Summary: "a line for each denoise step", Config: &s.config}
}

func main() { plugin.ServeProfiler(mine()) }
