package otlp

import (
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// tree draws spans as their parents say, children by time.
func tree(spans []received) string {
	byID := map[string]received{}
	children := map[string][]received{}
	for _, s := range spans {
		byID[string(s.SpanId)] = s
		children[string(s.ParentSpanId)] = append(children[string(s.ParentSpanId)], s)
	}
	var b strings.Builder
	var draw func(s received, depth int)
	draw = func(s received, depth int) {
		fmt.Fprintf(&b, "%s%s %s", strings.Repeat("  ", depth), value(s.resource.Attributes, "strobe.process"), s.Name)
		var list []string
		for _, kv := range s.Attributes {
			list = append(list, fmt.Sprintf("%s=%v", kv.Key, value(s.Attributes, kv.Key)))
		}
		sort.Strings(list)
		if len(list) > 0 {
			fmt.Fprintf(&b, " {%s}", strings.Join(list, " "))
		}
		for _, e := range s.Events {
			fmt.Fprintf(&b, " +%s", e.Name)
		}
		if s.Kind == tracepb.Span_SPAN_KIND_SERVER {
			b.WriteString(" SERVER")
		}
		if s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR {
			b.WriteString(" ERROR")
		}
		b.WriteByte('\n')
		below := children[string(s.SpanId)]
		slices.SortFunc(below, func(a, b received) int { return int(a.StartTimeUnixNano) - int(b.StartTimeUnixNano) })
		for _, c := range below {
			draw(c, depth+1)
		}
	}
	slices.SortStableFunc(spans, func(a, b received) int { return int(a.StartTimeUnixNano) - int(b.StartTimeUnixNano) })
	for _, s := range spans {
		if _, ok := byID[string(s.ParentSpanId)]; !ok {
			draw(s, 0)
		}
	}
	return b.String()
}

// TestTraceOfARequest holds a whole request's spans against what they are to mean.
func TestTraceOfARequest(t *testing.T) {
	f := record(t)
	f.request(asked{id: "req-1", steps: 1, status: 503, n: 3})
	f.stop(t)
	r := newReceiver(t)
	if o := f.export(t, to(r.address), f.profile(t, "p")); o.err != nil || len(o.warnings) > 0 {
		t.Fatal(o.err, o.warnings)
	}
	want := `core generate_content emoji {error.type=503 gen_ai.operation.name=generate_content gen_ai.output.type=image gen_ai.provider.name=strobe gen_ai.request.choice.count=3 gen_ai.request.model=emoji gen_ai.request.seed=7 http.response.status_code=503 http.route=/v1/images/generations strobe.request.id=req-1 strobe.span=http} SERVER ERROR
  core queue_wait {strobe.request.id=req-1}
  core dispatch {strobe.request.id=req-1}
    dit pipeline_forward {strobe.flops=2000000000 strobe.request.id=req-1} +[memory]
      dit note {strobe.flops=2000000000 strobe.request.id=req-1}
        dit denoise_step {strobe.flops=2000000000 strobe.guidance=1.5 strobe.request.id=req-1 strobe.step=0 strobe.t=0.5}
          dit dit::linear {strobe.flops=2000000000 strobe.input_dims=[[2,70,192],[192,576]] strobe.last=true strobe.note=a "note" ✓ strobe.request.id=req-1} +[memory]
`
	got := r.all()
	if diff := cmp.Diff(want, tree(got)); diff != "" {
		t.Error(diff)
	}
	for _, s := range got {
		if string(s.TraceId) != string(got[0].TraceId) {
			t.Errorf("%s is in trace %x, the request's is %x", s.Name, s.TraceId, got[0].TraceId)
		}
	}
	resource := map[string]any{}
	for _, kv := range got[len(got)-1].resource.Attributes {
		resource[kv.Key] = value(got[len(got)-1].resource.Attributes, kv.Key)
	}
	delete(resource, "service.instance.id")
	delete(resource, "host.name")
	delete(resource, "process.pid")
	delete(resource, "service.version")
	if diff := cmp.Diff(map[string]any{
		"service.name": "strobe", "strobe.profile.id": "p", "strobe.profile.label": "a label", "strobe.model": "emoji",
		"strobe.process": "dit", "strobe.process_kind": "model", "strobe.stage": "diffusion", "strobe.stage_index": int64(0), "strobe.rank": int64(0),
	}, resource); diff != "" {
		t.Error(diff)
	}
}

func TestClientsTrace(t *testing.T) {
	const id, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for name, c := range map[string]struct {
		sent   string
		joined bool
	}{
		"sampled":     {"00-" + id + "-" + parent + "-01", true},
		"not sampled": {"00-" + id + "-" + parent + "-00", true},
		"malformed":   {"00-" + id + "-xyz", false},
		"none":        {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := record(t)
			f.request(asked{id: "req-1", parent: c.sent, steps: 2, status: 200, n: 1})
			f.request(asked{id: "req-2", steps: 1, status: 200, n: 1})
			f.stop(t)
			r := newReceiver(t)
			f.export(t, to(r.address), f.profile(t, "p"))
			for _, s := range r.all() {
				if value(s.Attributes, "strobe.request.id") == "req-2" {
					if hex.EncodeToString(s.TraceId) == id {
						t.Errorf("%s of another request is in the client's trace", s.Name)
					}
					continue
				}
				if joined := hex.EncodeToString(s.TraceId) == id; joined != c.joined {
					t.Errorf("%s: in the client's trace: %v, want %v", s.Name, joined, c.joined)
				}
				if s.Kind == tracepb.Span_SPAN_KIND_SERVER && c.joined && hex.EncodeToString(s.ParentSpanId) != parent {
					t.Errorf("the request hangs below %x, not below the client's span", s.ParentSpanId)
				}
			}
		})
	}
}

// TestDetail checks that no level leaves a span without its parent, and that what is left out is counted.
func TestDetail(t *testing.T) {
	for level, want := range map[string]struct{ spans, left, events int }{
		"request":  {4, 6, 0},
		"step":     {8, 2, 0}, // an annotation around a step is there, too
		"operator": {10, 0, 0},
		"device":   {10, 0, 3},
	} {
		t.Run(level, func(t *testing.T) {
			f := record(t)
			requests(f, 1, 2)
			f.stop(t)
			r := newReceiver(t)
			c := to(r.address)
			c.Detail = level
			o := f.export(t, c, f.profile(t, "p"))
			spans := r.all()
			events := 0
			known := map[string]bool{"": true}
			for _, s := range spans {
				known[string(s.SpanId)] = true
			}
			for _, s := range spans {
				events += len(s.Events)
				if !known[string(s.ParentSpanId)] {
					t.Errorf("%s hangs below a span that was not sent", s.Name)
				}
			}
			if len(spans) != want.spans || o.report.Spans.LeftOut != uint64(want.left) || events != want.events || o.report.Counters != 1 {
				t.Errorf("%d spans, %d events, report %+v, want %+v", len(spans), events, o.report, want)
			}
			if said := len(o.warnings) == 1; said != (level != "device") {
				t.Errorf("warnings: %q", o.warnings)
			}
		})
	}
}

func TestSameIdsEveryTime(t *testing.T) {
	f := record(t)
	requests(f, 3, 3)
	f.worker.Begin(nStage) // stays open
	f.stop(t)
	var exports [2][]string
	for i := range exports {
		r := newReceiver(t)
		f.export(t, to(r.address), f.profile(t, "p"))
		seen := map[string]bool{}
		for _, s := range r.all() {
			seen[string(s.SpanId)] = true
			exports[i] = append(exports[i], fmt.Sprintf("%x %x %x %s %d %d", s.TraceId, s.SpanId, s.ParentSpanId, s.Name, s.StartTimeUnixNano, s.EndTimeUnixNano))
		}
		if len(seen) != len(exports[i]) {
			t.Errorf("%d spans share %d ids", len(exports[i]), len(seen))
		}
		sort.Strings(exports[i])
	}
	if diff := cmp.Diff(exports[0], exports[1]); diff != "" {
		t.Error(diff)
	}
}

func TestLosses(t *testing.T) {
	f := recordBounded(t, 1<<20)
	requests(f, 100, 100) // more than there is room for
	f.stop(t)
	r := newReceiver(t)
	f.export(t, to(r.address), f.profile(t, "p"))
	i := slices.IndexFunc(r.all(), func(s received) bool { return s.Name == spanLosses })
	if i < 0 {
		t.Fatal("nothing tells of the losses")
	}
	s := r.all()[i]
	lost, _ := value(s.Events[0].Attributes, "strobe.lost.full").(int64)
	if lost == 0 || value(s.resource.Attributes, "strobe.losses") != lost {
		t.Errorf("event says %d, resource %v", lost, value(s.resource.Attributes, "strobe.losses"))
	}
}

// TestDeviceEventsAbsent: the resource of a rank says why there is no work of devices; a rank that was not to record any says nothing.
func TestDeviceEventsAbsent(t *testing.T) {
	for name, fact := range map[string][]trace.Arg{
		"":                           nil,
		"recorded":                   {trace.String(trace.Name("state"), "recorded"), trace.Int(trace.Name("driver version"), 12080)},
		"absent: there is no device": {trace.String(trace.Name("state"), "absent"), trace.String(trace.Name("reason"), "there is no device")},
	} {
		t.Run(name, func(t *testing.T) {
			f := record(t)
			if fact != nil {
				f.rank.Fact(trace.Name("cuda"), 0, fact...)
			}
			f.request(asked{id: "req-1", steps: 1})
			f.stop(t)
			r := newReceiver(t)
			f.export(t, to(r.address), f.profile(t, "p"))
			for _, s := range r.all() {
				got, _ := value(s.resource.Attributes, attrDeviceEvents).(string)
				want := name
				if value(s.resource.Attributes, "strobe.process") != "dit" {
					want = ""
				}
				if got != want {
					t.Errorf("%s: %q, want %q", s.Name, got, want)
				}
			}
		})
	}
}

func TestDeviceWork(t *testing.T) {
	f := record(t)
	stream, calls := f.rank.DeviceTrack("stream 7", 0, 1, 7), f.rank.CallTrack("thread 1", 1)
	f.worker.SetRequest("req-1")
	op := f.worker.Begin(nLinear)
	at := f.rank.Now()
	calls.Put(&trace.Work{Name: trace.NameIn(trace.CategoryRuntime, "cudaLaunchKernel"), Kind: trace.WorkRuntimeCall, Begin: at, End: f.rank.Now(), Correlation: 5, External: op.ID(), Request: "req-1"})
	stream.Put(&trace.Work{Name: trace.NameIn(trace.CategoryDevice, "_Z4gemmPf"), Kind: trace.WorkKernel, Begin: at, End: f.rank.Now(), Correlation: 5, External: op.ID(), Request: "req-1"})
	op.End()
	f.worker.SetRequest("")
	f.stop(t)
	r := newReceiver(t)
	if o := f.export(t, to(r.address), f.profile(t, "p")); o.err != nil {
		t.Fatal(o.err)
	}
	want := "dit dit::linear {strobe.request.id=req-1}\n  dit cudaLaunchKernel {strobe.request.id=req-1}\n  dit gemm(float*) {strobe.device=0 strobe.request.id=req-1 strobe.stream=7}\n"
	if diff := cmp.Diff(want, tree(r.all())); diff != "" {
		t.Error(diff)
	}
}
