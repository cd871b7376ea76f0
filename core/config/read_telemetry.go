package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Telemetry is the block `telemetry { otlp { … } }`: where the server's own traces go.
type Telemetry struct {
	Endpoint string  // host:port or a URL of an OTLP/gRPC receiver; empty: as the environment says, else 127.0.0.1:4317 without TLS
	Insecure *bool   // no TLS; nil: as the environment says, else TLS
	Ratio    float64 // of the requests that are traced when their callers decided nothing, 0 to 1
	Origin
}

// DefaultTelemetryRatio traces every request.
const DefaultTelemetryRatio = 1.0

// telemetry reads the block, nil when there is none or it says nothing.
func (r *reader) telemetry(b *hclsyntax.Block) *Telemetry {
	if b == nil {
		return nil
	}
	outer := r.open("telemetry", header(b), b.Body, nil, []string{"otlp"})
	var t *Telemetry
	for _, inner := range outer.inner {
		r.unlabelled(inner)
		if !r.once(outer.firsts, &hclsyntax.Block{Type: inner.Type, TypeRange: inner.TypeRange, OpenBraceRange: inner.OpenBraceRange}) {
			continue
		}
		open := r.open("telemetry.otlp", header(inner), inner.Body, []string{"endpoint", "insecure", "ratio"}, nil)
		t = &Telemetry{Endpoint: open.str("endpoint", ""), Ratio: open.ratio(), Origin: open.Origin}
		if !open.absent("insecure") {
			insecure := open.flag("insecure", false)
			t.Insecure = &insecure
		}
		if strings.ContainsAny(t.Endpoint, " ") || strings.Contains(t.Endpoint, "/") && !strings.HasPrefix(t.Endpoint, "http://") && !strings.HasPrefix(t.Endpoint, "https://") {
			open.bad("endpoint", `write endpoint = "127.0.0.1:4317", or a URL with http or https`, "endpoint %q is no host:port and no URL", t.Endpoint)
		}
	}
	return t
}

// ratio is a number from 0 to 1.
func (b *block) ratio() float64 {
	n := b.number("ratio", DefaultTelemetryRatio, "0.1")
	if !(n >= 0 && n <= 1) {
		b.bad("ratio", "", "ratio must be from 0 to 1, not %v", n)
	}
	return n
}
