package httpapi

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

const (
	aParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	aTrace  = "0af7651916cd43dd8448eb211c80319c"
)

func TestTraceparent(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"as the standard shows it", aParent, aParent},
		{"not sampled", strings.TrimSuffix(aParent, "1") + "0", strings.TrimSuffix(aParent, "1") + "0"},
		{"flags that nobody knows yet", strings.TrimSuffix(aParent, "01") + "ff", strings.TrimSuffix(aParent, "01") + "ff"},
		{"a later version", "cc" + aParent[2:], aParent},
		{"a later version that says more", "cc" + aParent[2:] + "-what-the-future-will-be-like", aParent},
		{"a later version that runs on", "cc" + aParent[2:] + ".more", ""},
		{"version 00 that says more", aParent + "-more", ""},
		{"version ff", "ff" + aParent[2:], ""},
		{"empty", "", ""},
		{"one digit too few", aParent[:54], ""},
		{"capitals", strings.ToUpper(aParent), ""},
		{"a digit that is none", strings.Replace(aParent, "0af7", "0ag7", 1), ""},
		{"a dash at the wrong place", strings.Replace(aParent, "-b7ad", "b-7ad", 1), ""},
		{"no trace", "00-" + strings.Repeat("0", 32) + aParent[35:], ""},
		{"no span", aParent[:36] + strings.Repeat("0", 16) + "-01", ""},
		{"no version", aParent[3:], ""},
		{"bytes that are no text", strings.Repeat("\xff", 55), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := parseTraceparent(c.in); got != c.want {
				t.Errorf("%q became %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func TestTracestate(t *testing.T) {
	long := func(key string) string { return key + "=" + strings.Repeat("x", 250) }
	for _, c := range []struct {
		name string
		in   []string
		want string
	}{
		{"none", nil, ""},
		{"as the standard shows it", []string{"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"}, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"},
		{"two headers, empty members and spaces", []string{" a=1 ,\t,", "b=2"}, "a=1,b=2"},
		{"a tenant", []string{"fw529a3039@dt=FfzyK"}, "fw529a3039@dt=FfzyK"},
		{"cut between members", []string{long("a") + "," + long("b") + "," + long("c") + ",d=1"}, long("a") + "," + long("b")},
		{"a key twice", []string{"a=1,a=2"}, ""},
		{"capitals", []string{"A=1"}, ""},
		{"no value", []string{"a="}, ""},
		{"no equals sign", []string{"a"}, ""},
		{"two equals signs", []string{"a=1=2"}, ""},
		{"two tenants", []string{"a@b@c=1"}, ""},
		{"a system that is too long", []string{"a@" + strings.Repeat("b", 15) + "=1"}, ""},
		{"a key that is too long", []string{strings.Repeat("b", 257) + "=1"}, ""},
		{"a value that is too long", []string{"a=" + strings.Repeat("b", 257)}, ""},
		{"control characters", []string{"a=1\x01"}, ""},
		{"33 members", []string{strings.Repeat("a=1,", 33)}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := parseTracestate(c.in); got != c.want {
				t.Errorf("%q became %q, want %q", c.in, got, c.want)
			}
		})
	}
}

// TestTraceContextHeaders: of several traceparents none counts, and without one there is no tracestate.
func TestTraceContextHeaders(t *testing.T) {
	for _, c := range []struct {
		name string
		in   http.Header
		want traceContext
	}{
		{"both", http.Header{"Traceparent": {aParent}, "Tracestate": {"a=1"}}, traceContext{parent: aParent, state: "a=1"}},
		{"a bad state", http.Header{"Traceparent": {aParent}, "Tracestate": {"A=1"}}, traceContext{parent: aParent}},
		{"a bad parent", http.Header{"Traceparent": {"00"}, "Tracestate": {"a=1"}}, traceContext{}},
		{"two parents", http.Header{"Traceparent": {aParent, aParent}}, traceContext{}},
		{"none", http.Header{"Tracestate": {"a=1"}}, traceContext{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := readTraceContext(c.in); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestTraceparentRecorded: an exporter finds trace, parent and flags on the request's span, and the log has the trace.
func TestTraceparentRecorded(t *testing.T) {
	rec := trace.New(trace.Options{})
	defer rec.Close()
	dir := t.TempDir()
	start := trace.Start{Path: filepath.Join(dir, "core.seg"), Process: trace.Process{Kind: trace.ProcessCore, Name: "core"}, MaxBytes: 8 << 20}
	if err := rec.Start(start); err != nil {
		t.Fatal(err)
	}
	h := newHarness(t, func(o *Options) { o.Recorder = rec })
	h.postJSON(generations, `{"prompt":"cat"}`, "X-Request-Id", "traced", "traceparent", aParent, "tracestate", "a=1")
	h.postJSON(generations, `{"prompt":"cat"}`, "X-Request-Id", "not-traced", "traceparent", "00-junk")
	if _, err := rec.Stop(); err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]string{}
	_, err := recording.Read(t.Context(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			if e.Kind != recording.Span || e.Name.Text != "http" {
				continue
			}
			texts := map[string]string{}
			for _, a := range e.Args {
				if a.Type == trace.TypeString {
					texts[a.Key.Text] = a.Text
				}
			}
			got[e.Request] = texts
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]string{"traced": {"traceparent": aParent, "tracestate": "a=1"}, "not-traced": {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if log := h.log.String(); !strings.Contains(log, "trace_id="+aTrace) || strings.Contains(log, "junk") {
		t.Error(log)
	}
}

func FuzzTraceContext(f *testing.F) {
	f.Add(aParent, "a=1")
	f.Add("cc"+aParent[2:]+"-x", "a@b=1,,c=2")
	f.Fuzz(func(t *testing.T, parent, state string) {
		got := readTraceContext(http.Header{"Traceparent": {parent}, "Tracestate": {state}})
		if again := readTraceContext(http.Header{"Traceparent": {got.parent}, "Tracestate": {got.state}}); again != got {
			t.Errorf("%+v was read again as %+v", got, again)
		}
		if len(got.parent) != 0 && len(got.parent) != traceparentBytes || len(got.state) > maxTraceState {
			t.Errorf("%+v", got)
		}
	})
}
