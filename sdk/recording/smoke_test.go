package recording

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	r := trace.New(trace.Options{})
	defer r.Close()
	a, b, k := trace.NameIn(trace.CategoryStep, "a"), trace.Name("b"), trace.Name("key")
	if err := r.Start(trace.Start{Path: filepath.Join(dir, "core.seg"), MaxBytes: 1 << 26, Process: trace.Process{Kind: trace.ProcessCore, Name: "core"}}); err != nil {
		t.Fatal(err)
	}
	l := r.Lane("request")
	l.SetRequest("r1")
	f := Follow(dir, Options{})
	defer f.Close()
	n := 0
	show := func(x *Batch) error {
		for e := range x.All() {
			n++
			if n < 12 {
				t.Log(e.Track.Name, e.Kind, e.Name.Text, e.Depth, e.Seq, e.Parent, e.End-e.Start, e.Request, e.Args, e.Open, time.Unix(0, e.Start))
			}
		}
		return nil
	}
	for range 1000 {
		s := l.BeginArgs(a, trace.Int(k, 1), trace.String(k, "hello"))
		l.Count(b, 3)
		l.FlowOut(7)
		l.Begin(b).End()
		s.EndArgs(trace.Float(k, 1))
	}
	l.Begin(b)
	time.Sleep(80 * time.Millisecond)
	got, err := f.Poll(context.Background(), show)
	t.Log(got, err)
	st, err := r.Stop()
	t.Log(st, err)
	sum, err := f.Finish(context.Background(), show, "core.seg", "x.seg")
	t.Logf("%d %+v %v", n, sum, err)
}
