package recording_test

import (
	"context"
	"fmt"
	"os"

	"github.com/strobe-dev/strobe/sdk/plugintest"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// A recording is a folder of segments; here plugintest makes one. Read gives its events, batch by batch.
func ExampleRead() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	r, err := plugintest.Record(dir)
	if err != nil {
		panic(err)
	}
	r.Request("req-1", 3)
	if _, err := r.Stop(); err != nil {
		panic(err)
	}

	steps := 0
	processes, err := recording.Read(context.Background(), dir, func(b *recording.Batch) error {
		for e := range b.All() { // e is valid until the function returns
			if e.Kind == recording.Span && e.Name.Category == trace.CategoryStep {
				steps++
			}
		}
		return nil
	})
	fmt.Println(steps, "steps", err)
	for _, p := range processes {
		fmt.Println(p.Process.Process.Name, p.Events, "events,", p.Lost.Total(), "lost")
	}
	// Output:
	// 3 steps <nil>
	// core 4 events, 0 lost
	// test 11 events, 0 lost
}
