package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

const (
	sampled   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

// kept keeps what it gets, beyond the provider's end.
type kept struct{ tracetest.InMemoryExporter }

func (*kept) Shutdown(context.Context) error { return nil }

func TestRequests(t *testing.T) {
	for name, c := range map[string]struct {
		sent   string
		ratio  float64
		spans  int
		joined bool
		inside string // traceparent that the server sees; "new": another one
	}{
		"all":                       {"", 1, 1, false, "new"},
		"none":                      {"", 0, 0, false, ""},
		"the caller's sampled":      {sampled, 0, 1, true, "new"},
		"the caller's, not sampled": {unsampled, 1, 0, false, unsampled},
	} {
		t.Run(name, func(t *testing.T) {
			e := &kept{}
			tel := traceTo(context.Background(), e, Options{Ratio: c.ratio, Log: slog.New(slog.DiscardHandler)})
			var inside string
			h := tel.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inside = r.Header.Get("traceparent")
				w.Header().Set("X-Request-Id", "req-1")
				r.Pattern = "POST /v1/images/generations"
			}))
			r := httptest.NewRequest("POST", "/v1/images/generations", nil)
			if c.sent != "" {
				r.Header.Set("traceparent", c.sent)
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			if err := tel.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			spans := e.GetSpans()
			if len(spans) != c.spans {
				t.Fatalf("%d spans, want %d", len(spans), c.spans)
			}
			if c.inside == "new" && (inside == "" || inside == c.sent) || c.inside != "new" && inside != c.inside {
				t.Errorf("the server saw traceparent %q, want %q", inside, c.inside)
			}
			for _, s := range spans {
				if joined := s.SpanContext.TraceID().String() == sampled[3:35]; joined != c.joined {
					t.Errorf("in the caller's trace: %v", joined)
				}
				if s.SpanContext.SpanID().String() != inside[36:52] {
					t.Errorf("the server saw %s, the span is %s", inside, s.SpanContext.SpanID())
				}
				if s.Name != "POST /v1/images/generations" {
					t.Errorf("the span is called %q", s.Name)
				}
			}
		})
	}
}

// stuck never takes anything.
type stuck struct{ release chan struct{} }

func (s stuck) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	<-s.release
	return ctx.Err()
}
func (s stuck) Shutdown(context.Context) error { return nil }

// TestBackendHangs checks that neither requests nor the server's end wait for it.
func TestBackendHangs(t *testing.T) {
	s := stuck{make(chan struct{})}
	defer close(s.release)
	tel := traceTo(context.Background(), s, Options{Ratio: 1, Log: slog.New(slog.DiscardHandler)})
	h := tel.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	began := time.Now()
	for range 5000 { // more than the queue holds
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/health", nil))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := tel.Close(ctx); err == nil {
		t.Error("spans that were not sent are not told of")
	}
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestOff(t *testing.T) {
	var tel *Telemetry
	called := false
	tel.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true })).ServeHTTP(nil, nil)
	if err := tel.Close(context.Background()); err != nil || !called {
		t.Error(err, called)
	}
}
