package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/strobe-dev/strobe/core/engine"
)

// Metrics is what /metrics shows, in a registry of its own. It is made before the engine, observes it, and belongs
// to one server. docs/metrics.md lists every one; no label has values that a caller can make up.
type Metrics struct {
	registry *prometheus.Registry
	handler  http.Handler

	http      *prometheus.CounterVec
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	outcomes  *prometheus.CounterVec
	queueWait prometheus.Histogram
	stage     *prometheus.HistogramVec
	step      *prometheus.HistogramVec
	images    prometheus.Counter
	pixels    prometheus.Counter
	steps     prometheus.Counter
}

// Buckets in seconds: of a request, from a refusal to a slow model, and of a denoise step.
var (
	buckets     = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 50, 100, 250}
	stepBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
)

var _ engine.Observer = (*Metrics)(nil)

// NewMetrics makes empty metrics.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		http:     counters("strobe_http_requests_total", "HTTP requests, of every route.", "route", "method", "status"),
		requests: counters("strobe_requests_total", "Generation requests by HTTP status; 499: the client went away.", "model", "status"),
		seconds: histograms("strobe_request_duration_seconds", "Time from a generation request's arrival to its last byte, refused ones included.",
			buckets, "model"),
		outcomes: counters("strobe_engine_requests_total", "Requests that reached the engine and ended.", "outcome"),
		stage:    histograms("strobe_stage_duration_seconds", "Time that a request spent in a stage's rank.", buckets, "stage"),
		step: histograms("strobe_denoise_step_duration_seconds", "Time from the end of a request's denoise step to the end of its next one, "+
			"as core hears of it.", stepBuckets, "stage"),
		queueWait: prometheus.NewHistogram(histogram("strobe_queue_wait_seconds", "Time that a request waited for ranks, of all stages.", buckets)),
		images:    counter("strobe_images_total", "Images made."),
		pixels:    counter("strobe_pixels_total", "Pixels of images made."),
		steps:     counter("strobe_denoise_steps_total", "Denoise steps done."),
	}
	m.registry.MustRegister(m.http, m.requests, m.seconds, m.outcomes, m.stage, m.step, m.queueWait, m.images, m.pixels, m.steps,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}) // what one collector cannot tell, the others still do
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histograms(name, help string, at []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(histogram(name, help, at), labels)
}

// histogram has buckets for everybody and, for a scraper that asks for them, native ones of 10 %.
func histogram(name, help string, at []float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{Name: name, Help: help, Buckets: at,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour}
}

// OnRequest is the engine's report of a request that ended.
func (m *Metrics) OnRequest(r engine.Report) {
	m.outcomes.WithLabelValues(string(r.Outcome)).Inc()
	m.queueWait.Observe(r.QueueWait.Seconds())
	for name, seconds := range r.Stages {
		m.stage.WithLabelValues(name).Observe(seconds)
	}
	for name, steps := range r.StepSeconds {
		h := m.step.WithLabelValues(name)
		for _, seconds := range steps {
			h.Observe(seconds)
		}
	}
	m.images.Add(float64(r.Images))
	m.pixels.Add(float64(r.Pixels))
	m.steps.Add(float64(r.Steps))
}

// observe counts an HTTP request that ended.
func (m *Metrics) observe(st *state, method, route, model string, took time.Duration) {
	status := strconv.Itoa(st.status)
	m.http.WithLabelValues(route, knownMethod(method), status).Inc()
	if st.route == nil || !st.route.generates {
		return
	}
	m.requests.WithLabelValues(model, status).Inc()
	m.seconds.WithLabelValues(model).Observe(took.Seconds())
}

// knownMethod keeps a caller from making up label values.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// watch adds what is read at each scrape; see scrape.go.
func (m *Metrics) watch(e Engine, p Profiles, version string) {
	m.registry.MustRegister(&scraped{engine: e, profiles: p, version: version})
}

// serveMetrics is GET /metrics.
func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request) error {
	s.metrics.handler.ServeHTTP(w, r)
	return nil
}
