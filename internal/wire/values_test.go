package wire

import (
	"context"
	"crypto/x509"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/strobe-dev/strobe/sdk/diag"
	"github.com/strobe-dev/strobe/sdk/profiler"
	modelv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/model/v1"
	pluginv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/plugin/v1"
	profilerv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/profiler/v1"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestValuesKeepTheirTypes(t *testing.T) {
	in := map[string]any{
		"null": nil, "text": "x", "yes": true, "no": false, "zero": int64(0), "big": int64(math.MaxInt64), "small": int64(math.MinInt64),
		"half": 0.5, "whole": 2.0, "list": []any{int64(1), "a", nil, []any{}}, "object": map[string]any{"k": map[string]any{}},
	}
	o, err := toObject(in)
	if err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var back pluginv1.ObjectValue
	if err := proto.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(in, fromObject(&back)); d != "" {
		t.Error(d)
	}
}

func TestValuesThatCannotBeSent(t *testing.T) {
	deep := any("x")
	for range 100 {
		deep = []any{deep}
	}
	for name, v := range map[string]any{"an int": 1, "deep": deep, "a channel": make(chan int)} {
		if _, err := toObject(map[string]any{"k": map[string]any{"v": v}}); err == nil || !strings.HasPrefix(err.Error(), "k: v: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDiagnosticsCross(t *testing.T) {
	in := diag.List{{Severity: diag.Error, Summary: "s", Detail: "d", Path: diag.Path{"a", "0"}}, {Severity: diag.Warning, Summary: "w"}}
	if d := cmp.Diff(in, diagFrom(toDiag(in))); d != "" {
		t.Error(d)
	}
	if got := diagFrom([]*pluginv1.Diagnostic{{Summary: "x"}}); got[0].Severity != diag.Error {
		t.Error("a finding without severity must be an error")
	}
}

func TestProfilerTypesCross(t *testing.T) {
	artifacts := []profiler.Artifact{{Name: "a/b.gz", MediaType: "m", Bytes: 1, SHA256: "x", Stage: ptr(0), Rank: ptr(2), StageName: "s", Events: 3, Dropped: 4}, {Name: "all"}}
	got, err := artifactsFrom(toArtifacts(artifacts))
	if d := cmp.Diff(artifacts, got); d != "" || err != nil {
		t.Error(d, err)
	}
	for _, name := range []string{"../x", "/etc/passwd", "", "a/../../b"} {
		if _, err := artifactsFrom([]*profilerv1.Artifact{{Name: name}}); err == nil {
			t.Errorf("artifact %q was taken", name)
		}
	}
	processes := []recording.Summary{{Events: 1, Filtered: 9, Bytes: 2, Open: 3, Error: "e", Lost: recording.Losses{Corrupt: 6, Unknown: 7, Losses: trace.Losses{Full: 1, NotReady: 2, Names: 3, Truncated: 4, Depth: 5}},
		Process: &recording.Process{PID: 7, Host: "h", BootID: "b", Segments: []string{"x.seg"},
			Process: trace.Process{Kind: trace.ProcessModel, Name: "dit", Model: "m", Stage: 1, StageName: "s", Rank: 2, Synthetic: true}}}}
	if d := cmp.Diff(processes, processesFrom(toProcesses(processes))); d != "" {
		t.Error(d)
	}
}

func TestFiltersCross(t *testing.T) {
	for name, f := range map[string]recording.Filter{
		"none": {},
		"all": {Requests: []string{"a", "b"}, Categories: trace.CategoriesOf(trace.CategoryStep), MinDuration: time.Millisecond,
			Stages: []int{0}, Ranks: []int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			m := toFilter(f)
			if (m == nil) != f.IsZero() {
				t.Errorf("sent as %v", m)
			}
			if d := cmp.Diff(f, filterFrom(m)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestImagesAreChecked(t *testing.T) {
	for _, m := range []*modelv1.Image{nil, {Width: 1, Height: 1}, {Width: -1, Height: -1, Pixels: make([]byte, 3)}, {Width: math.MaxInt32, Height: math.MaxInt32, Pixels: make([]byte, 3)}} {
		if _, err := imageFrom(m); err == nil {
			t.Errorf("%v was taken", m)
		}
	}
}

// FuzzMessages takes whatever a plugin of another language may send.
func FuzzMessages(f *testing.F) {
	f.Add([]byte("\x08\x01\x12\x03dit"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var described pluginv1.DescribeResponse
		if proto.Unmarshal(b, &described) == nil {
			_, _ = describedFrom(&described)
		}
		var object pluginv1.ObjectValue
		if proto.Unmarshal(b, &object) == nil {
			fromObject(&object)
		}
		var finished profilerv1.FinishResponse
		if proto.Unmarshal(b, &finished) == nil {
			_, _ = artifactsFrom(finished.GetArtifacts())
			processesFrom(finished.GetProcesses())
		}
		var generated modelv1.GenerateResponse
		if proto.Unmarshal(b, &generated) == nil {
			sent := false
			_, _ = receive(func() (*modelv1.GenerateResponse, error) {
				if sent {
					return nil, context.Canceled
				}
				sent = true
				return &generated, nil
			}, nil)
		}
	})
}

func TestCertificate(t *testing.T) {
	c, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(c.pem, "-----BEGIN CERTIFICATE-----") {
		t.Error(c.pem)
	}
	config := c.config()
	if config.RootCAs == nil {
		t.Error("without a greeting the system's roots would be trusted")
	}
	if time.Until(must(t, c).NotAfter) < 24*time.Hour {
		t.Error("a server may run long")
	}
}

func must(t *testing.T, c certificate) *x509.Certificate {
	t.Helper()
	parsed, err := x509.ParseCertificate(c.tls.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
