package trace_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Names are interned once, at package level: a span then costs nanoseconds.
var (
	exampleForward = trace.NameIn(trace.CategoryStage, "pipeline_forward")
	exampleStep    = trace.NameIn(trace.CategoryStep, "denoise_step")
	exampleNumber  = trace.Name("step")
)

// In a plugin the recorder comes from the host, which also starts and stops it.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	rec := trace.New(trace.Options{})
	defer rec.Close()
	if err := rec.Start(trace.Start{Path: filepath.Join(dir, "rank.seg"), MaxBytes: 1 << 20}); err != nil {
		panic(err)
	}

	track := rec.Track("worker") // one goroutine at a time writes it
	track.SetRequest("req-1")
	forward := track.Begin(exampleForward)
	for i := range 2 {
		step := track.BeginArgs(exampleStep, trace.Int(exampleNumber, int64(i+1)))
		step.End()
	}
	forward.End()

	stats, err := rec.Stop()
	fmt.Println(stats.Events, "events", err)
	_, err = recording.Read(context.Background(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			fmt.Println(e.Request, e.Name.Text, len(e.Args))
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// 3 events <nil>
	// req-1 denoise_step 1
	// req-1 denoise_step 1
	// req-1 pipeline_forward 0
}
