package httpapi

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/strobe-dev/strobe/core/engine"
)

// usedMetrics are those of a server on which everything has happened that makes a series.
func usedMetrics(t *testing.T) (*harness, *Metrics) {
	t.Helper()
	m := NewMetrics()
	h := newHarness(t, func(o *Options) { o.Metrics = m })
	h.postJSON(generations, `{"prompt":"cat"}`)
	h.postJSON(generations, `{"prompt":"cat","n":0}`)
	h.do(request("BREW", "/pot", "", nil))
	m.OnRequest(engine.Report{Outcome: engine.OutcomeOK, Images: 2, Pixels: 2048, Steps: 20,
		Stages: map[string]float64{"diffusion": 0.3}, StepSeconds: map[string][]float64{"diffusion": {0.004, 0.02, 20}}})
	return h, m
}

func TestMetrics(t *testing.T) {
	h, _ := usedMetrics(t)
	body := h.get("/metrics").Body.String()
	for _, line := range []string{
		`strobe_build_info{version="0.1.0"} 1`,
		`strobe_requests_total{model="emoji",status="200"} 1`, `strobe_requests_total{model="emoji",status="400"} 1`,
		`strobe_request_duration_seconds_count{model="emoji"} 2`, `strobe_http_requests_total{method="other",route="none",status="404"} 1`,
		`strobe_requests_in_flight 0`, `strobe_requests_waiting 0`, `strobe_ranks_up{stage="diffusion"} 2`, `strobe_rank_restarts_total{stage="diffusion"} 3`,
		`strobe_images_total 2`, `strobe_pixels_total 2048`, `strobe_denoise_steps_total 20`, `strobe_engine_requests_total{outcome="ok"} 1`,
		`strobe_queue_wait_seconds_count 1`, `strobe_stage_duration_seconds_count{stage="diffusion"} 1`,
		`strobe_denoise_step_duration_seconds_bucket{stage="diffusion",le="0.005"} 1`, `strobe_denoise_step_duration_seconds_count{stage="diffusion"} 3`,
		`strobe_profiles{state="complete"} 2`, `strobe_profiles{state="recording"} 0`, `strobe_profiles_started_total{trigger="start"} 2`,
		`strobe_profiles_started_total{trigger="slow"} 1`, `strobe_profile_events_total 700`, `strobe_profile_losses_total{reason="full"} 4`,
		`strobe_profile_exports_total{profiler="chrome",result="complete"} 2`, `strobe_profile_export_duration_seconds_sum{profiler="chrome"} 0.5`,
		`strobe_profile_export_duration_seconds_count{profiler="chrome"} 2`, `strobe_profile_recorded_seconds_total 12.5`,
		`strobe_profile_overhead_seconds_total 0.25`, `go_goroutines `, `process_cpu_seconds_total `,
	} {
		if !strings.Contains(body, line) {
			t.Errorf("missing %s", line)
		}
	}
}

// TestMetricsLint: names, units and helps are as the conventions of Prometheus ask.
func TestMetricsLint(t *testing.T) {
	_, m := usedMetrics(t)
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestMetricsDocumented holds the table of docs/metrics.md against what a server shows: name, type, labels and help.
func TestMetricsDocumented(t *testing.T) {
	_, m := usedMetrics(t)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "strobe_") {
			var labels []string
			for _, l := range f.GetMetric()[0].GetLabel() {
				labels = append(labels, "`"+l.GetName()+"`")
			}
			want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s |",
				f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, ", "), f.GetHelp()))
		}
	}
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `strobe_") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/metrics.md is not what the server shows:\n%s", diff)
	}
}

// TestMetricsBounded: what callers send makes no series.
func TestMetricsBounded(t *testing.T) {
	h, m := usedMetrics(t)
	count := func() (n int) {
		families, err := m.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			n += len(f.GetMetric())
		}
		return n
	}
	send := func(i int) {
		word := fmt.Sprintf("word%d", i)
		h.postJSON(generations, fmt.Sprintf(`{"prompt":"cat","model":%q}`, word), "X-Request-Id", word)
		h.get("/"+word, "X-Strobe-Profile", word)
		h.get("/v1/profiles/" + word)
		h.do(request(strings.ToUpper(fmt.Sprintf("verb%c", 'a'+i%26)), "/health", "", nil))
		h.do(request(http.MethodGet, "/v1/models/"+word, "", nil))
	}
	send(0)
	before := count()
	for i := range 50 {
		send(1 + i)
	}
	if after := count(); after != before {
		t.Errorf("%d series became %d", before, after)
	}
}
