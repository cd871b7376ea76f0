//go:build !windows

package main

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// TestServersOwnTraces has a server trace its requests while one of them is profiled: the client's span, the server's own and the
// profile's make one trace, each below the other. Of requests that nobody decided about none is traced, as the ratio says.
func TestServersOwnTraces(t *testing.T) {
	const id, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	r := receiveSpans(t)
	p := startInstant(t, instant{more: strings.ReplaceAll(`
telemetry {
  otlp {
    endpoint = "OTLP"
    insecure = true
    ratio    = 0
  }
}
profiler "otlp" {
  config {
    endpoint = "http://OTLP"
  }
}`, "OTLP", r.address)})
	p.post("/v1/profiles", `{"profilers":["otlp"]}`)
	for _, flags := range []string{"", "00", "01"} {
		req, _ := http.NewRequest("POST", p.url+"/v1/images/generations", strings.NewReader(`{"prompt":"x"}`))
		req.Header.Set("Content-Type", "application/json")
		if flags != "" {
			req.Header.Set("traceparent", fmt.Sprintf("00-%s-%s-%s", id, parent, flags))
		}
		if got := p.send(req); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	p.stopProfile()
	p.stop() // sends what is left
	byID, own := map[string]*tracepb.Span{}, 0
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		byID[hex.EncodeToString(s.SpanId)] = s
		if s.Name == "POST /v1/images/generations" {
			own++
			if hex.EncodeToString(s.ParentSpanId) != parent || hex.EncodeToString(s.TraceId) != id {
				t.Errorf("the server's own span is in trace %x below %x", s.TraceId, s.ParentSpanId)
			}
		}
	}
	var below []string
	for _, s := range r.spans {
		if s.Name != "generate_content instant" || hex.EncodeToString(s.TraceId) != id {
			continue
		}
		name := "client"
		if up := byID[hex.EncodeToString(s.ParentSpanId)]; up != nil {
			name = up.Name
		} else if hex.EncodeToString(s.ParentSpanId) != parent {
			name = "nothing that is known"
		}
		below = append(below, name)
	}
	slices.Sort(below)
	if got := strings.Join(below, ", "); own != 1 || got != "POST /v1/images/generations, client" {
		t.Errorf("%d spans of the server's own; those of the profile hang below: %s", own, got)
	}
}
