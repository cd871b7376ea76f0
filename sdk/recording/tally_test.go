package recording_test

import (
	"path/filepath"
	"testing"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestTally holds what a tally says of a growing segment against what was written.
func TestTally(t *testing.T) {
	dir := t.TempDir()
	rec := trace.New(trace.Options{})
	defer rec.Close()
	c := recording.NewTally(dir)
	if _, ok := c.Count("a.seg"); ok {
		t.Error("a segment that is not there is counted")
	}
	if err := rec.Start(trace.Start{Path: filepath.Join(dir, "a.seg"), MaxBytes: 64 << 20, Process: trace.Process{Kind: trace.ProcessCore}}); err != nil {
		t.Fatal(err)
	}
	track := rec.Track("worker")
	name := trace.Name("counted")
	const inOneChunk = 16 << 10 / 32
	for written := uint64(0); written < 20_000; {
		for range 1000 {
			track.Begin(name).End()
		}
		written += 1000
		got, ok := c.Count("a.seg")
		if !ok || got.Events > written || got.Events+inOneChunk < written || got.Bytes < int64(written)*32 || got.Lost != (trace.Losses{}) {
			t.Fatalf("after %d events: %+v, %v", written, got, ok)
		}
	}
	stats, err := rec.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Count("a.seg"); got.Bytes > stats.Bytes || got.Events > stats.Events {
		t.Errorf("%+v, stopped with %+v", got, stats)
	}
}
