package chrome

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
)

// TestRecordings exports the recordings that the reader is tested with, the whole way from bytes: arguments of every type,
// numbers that are none, bytes that are no UTF-8, open spans, carried ones.
func TestRecordings(t *testing.T) {
	for _, name := range []string{"everything", "dead", "carried", "later"} {
		t.Run(name, func(t *testing.T) {
			files, sum := exportRecording(t, filepath.Join("..", "..", "sdk", "recording", "testdata", "golden", name+".txt"))
			got := map[string]int{}
			for _, f := range files {
				check(t, f)
			}
			merged := files[len(files)-1]
			for _, e := range merged.TraceEvents {
				got[e.Ph]++
			}
			if sum.Processes[0].Events == 0 || got["X"] == 0 {
				t.Errorf("%d events became %v", sum.Processes[0].Events, got)
			}
			if name != "everything" {
				return
			}
			args := find(t, merged, "http").Args
			if d := cmp.Diff("req-1", args["request_id"]); d != "" {
				t.Error(d)
			}
			if _, there := args["key"]; !there {
				t.Errorf("no argument of those of the recording: %v", args)
			}
		})
	}
}

// exportRecording exports a recording in text form; the last file is the merged one.
func exportRecording(t *testing.T, text string) ([]file, profiler.Summary) {
	t.Helper()
	from, dir := t.TempDir(), t.TempDir()
	b, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := recording.ParseTextInto(strings.NewReader(string(b)), from); err != nil {
		t.Fatal(err)
	}
	p := profileIn(dir)
	p.Started = time.Unix(1, 0)
	sink, err := New().Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	sum := profiler.Summary{Stopped: time.Unix(2, 0)}
	if sum.Processes, err = recording.Read(t.Context(), from, func(b *recording.Batch) error { return sink.Consume(t.Context(), b) }); err != nil {
		t.Fatal(err)
	}
	artifacts, err := sink.Finish(t.Context(), sum)
	if err != nil {
		t.Fatal(err)
	}
	var files []file
	for _, a := range artifacts {
		files = append(files, parse(t, filepath.Join(dir, filepath.FromSlash(a.Name))))
	}
	return files, sum
}
