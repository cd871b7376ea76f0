package otlp

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// slowSpan makes the message that appendSpan makes the bytes of.
func slowSpan(s *sink, p *process, t *track, e *recording.Event) *tracepb.Span {
	at := s.whereabouts(p, t, e.Request)
	parent, remote := s.above(p, t, e, at)
	id := spanOf(t.seed, e.Seq)
	m := &tracepb.Span{TraceId: at.trace[:], SpanId: id[:], TraceState: at.state, Name: e.Name.Text, Kind: tracepb.Span_SPAN_KIND_INTERNAL,
		StartTimeUnixNano: uint64(e.Start), EndTimeUnixNano: uint64(e.End), Flags: 0x101}
	if parent != (spanID{}) {
		m.ParentSpanId = parent[:]
	}
	if at.joined {
		m.Flags = 0x100 | uint32(at.flags)
	}
	if remote {
		m.Flags |= 0x200
	}
	add := func(key string, a recording.Arg) {
		v := &commonpb.AnyValue{}
		switch a.Type {
		case trace.TypeInt:
			v.Value = &commonpb.AnyValue_IntValue{IntValue: a.Int}
		case trace.TypeFloat:
			v.Value = &commonpb.AnyValue_DoubleValue{DoubleValue: a.Float}
		case trace.TypeBool:
			v.Value = &commonpb.AnyValue_BoolValue{BoolValue: a.Int != 0}
		default:
			v.Value = &commonpb.AnyValue_StringValue{StringValue: a.Text}
		}
		m.Attributes = append(m.Attributes, &commonpb.KeyValue{Key: key, Value: v})
	}
	text := func(key, v string) { add(key, recording.Arg{Type: trace.TypeString, Text: v}) }
	if e.Request != "" {
		text("strobe.request.id", e.Request)
	}
	if e.Open {
		add("strobe.open", recording.Arg{Type: trace.TypeBool, Int: 1})
	}
	names := map[string]string{}
	if p.recorded.Kind == trace.ProcessCore && e.Name.Text == "http" {
		m.Name, m.Kind = "generate_content "+p.model, tracepb.Span_SPAN_KIND_SERVER
		text("strobe.span", "http")
		text("gen_ai.operation.name", "generate_content")
		text("gen_ai.provider.name", "strobe")
		text("gen_ai.output.type", "image")
		text("gen_ai.request.model", p.model)
		names = map[string]string{"route": "http.route", "status": "http.response.status_code", "seed": "gen_ai.request.seed", "n": "gen_ai.request.choice.count"}
	}
	for _, a := range e.Args {
		key := a.Key.Text
		to := names[key]
		if to == "" {
			to = "strobe." + strings.ReplaceAll(strings.ToLower(key), " ", "_")
		}
		if key != "n" || a.Int != 1 {
			add(to, a)
		}
		if to == "http.response.status_code" && a.Int >= 500 {
			m.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR}
			defer text("error.type", strconv.FormatInt(a.Int, 10))
		}
	}
	return m
}

// TestSlowTwin holds the bytes of every span against a message that was built field by field.
func TestSlowTwin(t *testing.T) {
	f := record(t)
	f.request(asked{id: "req-1", parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", steps: 3, status: 200, n: 1})
	f.request(asked{id: "req-2", steps: 3, status: 500, n: 2})
	f.worker.Begin(nStage)
	f.worker.BeginArgs(trace.Name("odd ✓"), trace.Int(kIndex, -1), trace.String(kNote, strings.Repeat("long ", 100)), trace.Bool(kLast, false), trace.Float(kT, -1.5))
	f.stop(t)
	r := newReceiver(t)
	opened, err := (&Profiler{config: to(r.address)}).Open(context.Background(), f.profile(t, "p"))
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*sink)
	defer s.Abort(context.Background())
	n := 0
	_, err = recording.Read(context.Background(), f.dir, func(b *recording.Batch) error {
		s.mu.Lock() // the sink's own clock ticks
		defer s.mu.Unlock()
		p := s.process(b.Process)
		for e := range b.All() {
			tr := s.track(p, e.Track)
			if e.Kind != recording.Span {
				s.event(context.Background(), p, e)
				tr.pending = nil
				continue
			}
			n++
			var got tracepb.Span
			if err := proto.Unmarshal(s.appendSpan(nil, p, tr, e, s.names.get(e.Name)), &got); err != nil {
				return err
			}
			if diff := cmp.Diff(slowSpan(s, p, tr, e), &got, protocmp.Transform(), protocmp.SortRepeated(func(a, b *commonpb.KeyValue) bool { return a.Key < b.Key })); diff != "" {
				t.Errorf("%s:\n%s", e.Name.Text, diff)
			}
		}
		return nil
	})
	if err != nil || n != 2*(4+9)+2 {
		t.Errorf("%d spans were compared, %v", n, err)
	}
}
