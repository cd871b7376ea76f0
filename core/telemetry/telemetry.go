// Package telemetry traces the server's own requests, all the time and not only in profiles, through the ordinary
// OpenTelemetry SDK: one span a request, by otelhttp, sampled by its caller's decision or else by a ratio, sent over OTLP/gRPC in
// the background. It never makes a request wait: spans that the backend does not take in time are dropped.
package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// closeLimit bounds what is sent at the end.
const closeLimit = 3 * time.Second

// quiet is the least time between two log lines about a backend that does not take spans.
const quiet = time.Minute

// Options say where spans go. What they leave open is taken from the environment, OTEL_EXPORTER_OTLP_… and OTEL_RESOURCE_ATTRIBUTES.
type Options struct {
	Endpoint string  // host:port, or a URL; empty: the environment's, else 127.0.0.1:4317 without TLS
	Insecure *bool   // true: no TLS; nil: the environment's word, else TLS
	Ratio    float64 // of the requests whose caller decided nothing, 0 to 1
	Version  string
	Model    string
	Log      *slog.Logger
}

// Telemetry traces requests. A nil one traces none. It is safe for concurrent use.
type Telemetry struct {
	provider   *sdktrace.TracerProvider
	propagator propagation.TraceContext
}

// New starts to trace. A backend that cannot be reached is no error.
func New(ctx context.Context, o Options) (*Telemetry, error) {
	exporter, err := otlptracegrpc.New(ctx, o.client()...)
	if err != nil {
		return nil, fmt.Errorf("telemetry: make an OTLP exporter: %w", err)
	}
	return traceTo(ctx, exporter, o), nil
}

func traceTo(ctx context.Context, exporter sdktrace.SpanExporter, o Options) *Telemetry {
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "strobe"), attribute.String("service.version", o.Version), attribute.String("strobe.model", o.Model)),
		resource.WithHost(), resource.WithProcessPID(), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil { // a malformed variable: the rest is there
		o.Log.Warn("read OTEL_RESOURCE_ATTRIBUTES", "error", err)
	}
	otel.SetErrorHandler(newComplaints(o.Log))
	return &Telemetry{provider: sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter), // drops what is beyond its queue
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.Ratio))),
		sdktrace.WithResource(about),
	)}
}

// defaultEndpoint is where a collector listens that runs beside the server.
const defaultEndpoint = "127.0.0.1:4317"

func (o *Options) client() (options []otlptracegrpc.Option) {
	endpoint, insecure := o.target()
	switch {
	case endpoint == "":
	case isURL(endpoint):
		options = append(options, otlptracegrpc.WithEndpointURL(endpoint))
	default:
		options = append(options, otlptracegrpc.WithEndpoint(endpoint))
	}
	if insecure {
		options = append(options, otlptracegrpc.WithInsecure())
	}
	return options
}

// target is what overrides the environment: an endpoint, empty for the environment's, and whether there is no TLS.
func (o *Options) target() (endpoint string, insecure bool) {
	endpoint, insecure = o.Endpoint, o.Insecure != nil && *o.Insecure
	if endpoint == "" && environment("ENDPOINT") == "" {
		endpoint = defaultEndpoint
		insecure = insecure || o.Insecure == nil && environment("INSECURE") == "" && environment("CERTIFICATE") == ""
	}
	return endpoint, insecure
}

// environment is what OTEL_EXPORTER_OTLP_… says, for traces before for all signals.
func environment(key string) string {
	if v := strings.TrimSpace(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_" + key)); v != "" {
		return v
	}
	return strings.TrimSpace(os.Getenv("OTEL_EXPORTER_OTLP_" + key))
}

// Handler is h with a span around each request. A request that is traced carries its span on as its traceparent, so that what
// a profile records of it is in the same trace.
func (t *Telemetry) Handler(h http.Handler) http.Handler {
	if t == nil {
		return h
	}
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		span := trace.SpanFromContext(r.Context())
		if span.SpanContext().IsSampled() {
			t.propagator.Inject(r.Context(), propagation.HeaderCarrier(r.Header))
		}
		h.ServeHTTP(w, r)
		if id := w.Header().Get("X-Request-Id"); id != "" {
			span.SetAttributes(attribute.String("strobe.request.id", id))
		}
	})
	return otelhttp.NewHandler(inner, "http", otelhttp.WithTracerProvider(t.provider), otelhttp.WithPropagators(t.propagator),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string {
			if r.Pattern != "" {
				return r.Pattern
			}
			return r.Method
		}))
}

// Close sends what is left, for three seconds at most. It is safe on a nil one and may be called again.
func (t *Telemetry) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("telemetry: send the last spans: %w", err)
	}
	return nil
}

// complaints logs what the SDK has to say, now and then.
type complaints struct {
	log  *slog.Logger
	last atomic.Int64
}

func newComplaints(log *slog.Logger) *complaints { return &complaints{log: log} }

// Handle implements otel.ErrorHandler.
func (c *complaints) Handle(err error) {
	now := time.Now().UnixNano()
	if last := c.last.Load(); last != 0 && now-last < int64(quiet) || !c.last.CompareAndSwap(c.last.Load(), now) {
		return
	}
	c.log.Warn("telemetry", "error", err)
}

func isURL(endpoint string) bool { return strings.Contains(endpoint, "://") }
