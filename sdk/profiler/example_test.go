package profiler_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/strobe-dev/strobe/sdk/plugintest"
	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
)

// counts is a profiler that counts spans by name. Its main is plugin.ServeProfiler(counts{}, description).
type counts struct{}

var description = profiler.Description{Name: "counts", Version: "1.0.0", Summary: "counts spans by name"}

func (counts) Open(_ context.Context, p profiler.Profile) (profiler.Sink, error) {
	f, err := profiler.CreateFile(p, "counts.txt") // appears in p.Dir when it is whole
	return &sink{file: f, spans: map[string]int{}}, err
}

type sink struct {
	file  *profiler.File
	spans map[string]int
}

func (s *sink) Consume(_ context.Context, b *recording.Batch) error {
	for e := range b.All() {
		if e.Kind == recording.Span {
			s.spans[e.Name.Text]++
		}
	}
	return nil
}

func (s *sink) Finish(context.Context, profiler.Summary) ([]profiler.Artifact, error) {
	fmt.Fprintln(s.file, s.spans) // its first error is Publish's
	a, err := s.file.Publish(profiler.Artifact{MediaType: "text/plain"})
	return []profiler.Artifact{a}, err
}

// Abort is for a profile that is abandoned.
func (s *sink) Abort(context.Context) error { return s.file.Discard() }

// One profile, called over gRPC as a host calls it.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	p, err := plugintest.StartProfiler(func() (profiler.Profiler, profiler.Description) { return counts{}, description })(ctx)
	if err != nil {
		panic(err)
	}
	defer p.Close(ctx)

	if err := p.Open(ctx, profiler.Profile{ID: "a", Dir: dir, Started: time.Now()}, dir); err != nil {
		panic(err)
	}
	r, err := plugintest.Record(dir)
	if err != nil {
		panic(err)
	}
	r.Request("req-1", 4)
	if _, err := r.Stop(); err != nil {
		panic(err)
	}
	artifacts, _, err := p.Finish(ctx, r.Segments...)
	if err != nil {
		panic(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, artifacts[0].Name))
	fmt.Println(artifacts[0].Name, artifacts[0].Bytes, err)
	fmt.Printf("%s", text)
	// Output:
	// counts.txt 61 <nil>
	// map[denoise_step:4 http:1 pipeline_forward:1 test::linear:4]
}
