package httpapi

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// TestStatusRecorded: the span of every request says how it was answered, also of one that never reached the model.
func TestStatusRecorded(t *testing.T) {
	rec := trace.New(trace.Options{})
	defer rec.Close()
	dir := t.TempDir()
	start := trace.Start{Path: filepath.Join(dir, "core.seg"), Process: trace.Process{Kind: trace.ProcessCore, Name: "core"}, MaxBytes: 8 << 20}
	if err := rec.Start(start); err != nil {
		t.Fatal(err)
	}
	h := newHarness(t, func(o *Options) { o.Recorder = rec })
	want := map[string]int64{}
	for i, c := range []struct{ path, body string }{
		{generations, `{"prompt":"cat"}`}, {generations, `{`}, {generations, `{"prompt":""}`}, {generations, `{"prompt":"cat","model":"none"}`},
		{"/v1/chat/completions", `{"messages":[]}`}, {"/v1/images/edits", `{}`},
	} {
		id := "request-" + strconv.Itoa(i)
		want[id] = int64(h.postJSON(c.path, c.body, "X-Request-Id", id).Code)
	}
	if _, err := rec.Stop(); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	_, err := recording.Read(t.Context(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			for _, a := range e.Args {
				if e.Kind == recording.Span && e.Name.Text == "http" && a.Key.Text == "status" {
					got[e.Request] = a.Int
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, status := range want {
		if got[id] != status {
			t.Errorf("%s was answered with %d, recorded is %d", id, status, got[id])
		}
	}
	if want["request-0"] != 200 || want["request-1"] < 400 || want["request-5"] < 400 {
		t.Errorf("answers %v", want)
	}
}
