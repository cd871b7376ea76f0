package otlp

import (
	"context"
	"strings"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/strobe-dev/strobe/sdk/diag"
	"github.com/strobe-dev/strobe/sdk/plugin"
)

var _ plugin.Prober = (*Profiler)(nil)

func TestProbe(t *testing.T) {
	mine, other := newAuthority(t, "mine"), newAuthority(t, "other")
	cert, key := mine.issue("client", false)
	answers := func(code codes.Code) func(t *testing.T) Config {
		return func(t *testing.T) Config {
			r := newReceiver(t)
			r.answer = func(ctx context.Context, _ *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
				if code == codes.DeadlineExceeded {
					<-ctx.Done()
				}
				return &collectorpb.ExportTraceServiceResponse{}, status.Error(code, "who are you")
			}
			return to(r.address)
		}
	}
	secured := func(ca string) func(t *testing.T) Config {
		return func(t *testing.T) Config {
			c := to(newReceiver(t, mine.server()).address)
			c.Insecure, c.CAFile, c.CertFile, c.KeyFile = nil, ca, cert, key
			return c
		}
	}
	for name, c := range map[string]struct {
		config func(t *testing.T) Config
		env    string
		found  string
	}{
		"takes spans":       {answers(codes.OK), "", ""},
		"refuses":           {answers(codes.Unauthenticated), "", "unauthenticated: who are you"},
		"wants spans":       {answers(codes.InvalidArgument), "", ""},
		"hangs":             {answers(codes.DeadlineExceeded), "", "takes no spans"},
		"nobody there":      {func(*testing.T) Config { return to("127.0.0.1:1") }, "", "127.0.0.1:1 takes no spans: unavailable"},
		"nobody was named":  {func(*testing.T) Config { return defaults() }, "", ""},
		"named from beside": {func(*testing.T) Config { return defaults() }, "http://127.0.0.1:1", "127.0.0.1:1 takes no spans"},
		"TLS":               {secured(mine.file), "", ""},
		"wrong CA":          {secured(other.file), "", "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.env)
			limit := 20 * time.Second
			if name == "hangs" {
				limit = 200 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			found := (&Profiler{config: c.config(t)}).Probe(ctx)
			if c.found == "" {
				if len(found) > 0 {
					t.Error(found)
				}
				return
			}
			if len(found) != 1 || found[0].Severity != diag.Warning || !strings.Contains(found[0].Summary, c.found) || found[0].Detail == "" {
				t.Errorf("found %v", found)
			}
		})
	}
}
