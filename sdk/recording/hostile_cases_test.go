package recording_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/strobe-dev/strobe/sdk/internal/segment"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/recording/internal/hostile"
)

// TestHostileCases reads what no writer writes, live and at the end: the usable part comes out, and what is kept meanwhile
// is within the bound that the package states, here with a budget of 1 MiB.
func TestHostileCases(t *testing.T) {
	const budget = 1 << 20
	for _, c := range hostile.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			dir := t.TempDir()
			if err := c.Make(dir); err != nil {
				t.Fatal(err)
			}
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			bound := int64(2<<20) + budget
			for _, f := range files {
				fi, err := f.Info()
				if err != nil {
					t.Fatal(err)
				}
				bound += 40<<10 + 16*(fi.Size()/segment.ChunkBytes)
			}
			f := recording.Follow(dir, recording.Options{MaxMemory: budget})
			defer f.Close()
			before := liveHeap()
			_, s := finish(t, f)
			if kept := liveHeap() - before; kept > bound {
				t.Errorf("%d bytes are kept, the bound is %d", kept, bound)
			}
			runtime.KeepAlive(f)
			if c.Bad {
				if len(s) != 1 || s[0].Error == "" || s[0].Events != 0 {
					t.Errorf("summaries %+v of what is no segment", s)
				}
				return
			}
			if s[0].Error != "" {
				t.Errorf("error %s", s[0].Error)
			}
			if c.Name == "4,000 tracks" { // more than the budget has room for: counted
				if s[0].Events < 1000 || s[0].Events+s[0].Lost.Corrupt != c.Events {
					t.Errorf("%d events and %d corrupt, of %d", s[0].Events, s[0].Lost.Corrupt, c.Events)
				}
			} else if s[0].Events < c.Events {
				t.Errorf("%d events, at least %d are usable", s[0].Events, c.Events)
			}
		})
	}
}

// finish polls and finishes, and looks at the events.
func finish(t *testing.T, f *recording.Follower) (n uint64, s []recording.Summary) {
	t.Helper()
	take := func(b *recording.Batch) error {
		for e := range b.All() {
			n++
			if e.Track == nil || e.Name == nil || e.Kind == recording.Span && e.End < e.Start {
				t.Errorf("bad event %+v", e)
			}
		}
		return nil
	}
	if _, err := f.Poll(context.Background(), take); err != nil {
		t.Fatal(err)
	}
	s, err := f.Finish(context.Background(), take)
	if err != nil {
		t.Fatal(err)
	}
	return n, s
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestHostileCasesAsText prints what no writer writes and reads it back.
func TestHostileCasesAsText(t *testing.T) {
	for _, c := range hostile.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			dir := t.TempDir()
			if err := c.Make(dir); err != nil {
				t.Fatal(err)
			}
			paths, err := filepath.Glob(filepath.Join(dir, "*.seg"))
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range paths {
				if fi, err := os.Stat(path); err != nil || fi.Size() > 8<<20 {
					t.Skip("too large to print here")
				}
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if c.Bad {
					if err := recording.WriteText(io.Discard, "x.seg", bytes.NewReader(b), int64(len(b))); err == nil {
						t.Error("what is no segment has a text")
					}
					continue
				}
				sameAgain(t, b)
			}
		})
	}
}
