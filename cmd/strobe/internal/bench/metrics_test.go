package bench

import (
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// The values are numpy's: np.percentile(values, p).
func TestPercentile(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		p      float64
		want   float64
	}{
		{nil, 50, 0},
		{[]float64{3}, 99, 3},
		{[]float64{4, 1, 3, 2}, 50, 2.5},
		{[]float64{4, 1, 3, 2}, 95, 3.8499999999999996},
		{[]float64{4, 1, 3, 2}, 99, 3.9699999999999998},
		{[]float64{4, 1, 3, 2}, 0, 1},
		{[]float64{4, 1, 3, 2}, 100, 4},
		{[]float64{0.1, 0.2, 0.4, 0.8, 1.6}, 95, 1.44},
	} {
		if got := percentile(tc.values, tc.p); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("percentile(%v, %g) is %g, want %g", tc.values, tc.p, got, tc.want)
		}
	}
	values := []float64{3, 1, 2}
	percentile(values, 50)
	if values[0] != 3 {
		t.Error("the values were reordered")
	}
}

// sample is a run of four requests, one of which failed.
func sample(c *Config) *Metrics {
	promised := 600.0
	requests := []Request{{SLO: &promised}, {SLO: &promised}, {SLO: &promised}, {}}
	pictures := []Picture{{"png", []byte("hi")}}
	outcomes := []Outcome{
		{Latency: 500 * time.Millisecond, Pictures: pictures, PeakMemoryMB: 10, Stages: map[string]float64{"diffusion.diffuse": 0.4, "resize.resize": 0.01}, SLOMet: true},
		{Latency: 700 * time.Millisecond, Pictures: pictures, PeakMemoryMB: 20, Stages: map[string]float64{"diffusion.diffuse": 0.6}},
		{Err: errors.New("the queue is full (queue_full)"), Latency: time.Millisecond},
		{Latency: 600 * time.Millisecond, Pictures: append(pictures, pictures...)},
	}
	m := Compute(c, requests, outcomes, 2*time.Second)
	m.Synthetic = true
	return m
}

func TestMetrics(t *testing.T) {
	c := valid()
	c.Endpoint, c.Model, c.SLO = Chat, "emoji", true
	m := sample(&c)
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "metrics.json", string(raw)+"\n")
	golden(t, "table.txt", m.Table(&c))

	c.SLO, c.Endpoint, c.RequestRate = false, Edits, 2.5
	plain := Compute(&c, nil, nil, time.Second)
	golden(t, "table_plain.txt", plain.Table(&c))
	text, _ := json.Marshal(plain)
	if strings.Contains(string(text), "slo_") || !strings.Contains(string(text), `"bot_task":"think"`) || strings.Contains(string(text), "null") {
		t.Errorf("%s", text)
	}
	if empty := Compute(&c, nil, nil, 0); empty.Throughput != 0 {
		t.Error(empty.Throughput)
	}
}

// TestUpstreamKeys holds that every key of the original's JSON is there.
func TestUpstreamKeys(t *testing.T) {
	c := valid()
	c.SLO, c.Endpoint = true, Edits
	raw, _ := json.Marshal(sample(&c))
	var keys map[string]any
	if err := json.Unmarshal(raw, &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range strings.Fields(`duration completed_requests failed_requests throughput_qps latency_mean latency_median
		latency_p99 latency_p95 latency_p50 peak_memory_mb_max peak_memory_mb_mean peak_memory_mb_median stage_durations_mean
		stage_durations_p50 stage_durations_p99 slo_attainment_rate slo_met_success slo_scale endpoint model dataset task bot_task`) {
		if _, ok := keys[key]; !ok {
			t.Errorf("no %s", key)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	for line := range strings.Lines(got) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s: %s", name, d)
	}
}

func TestTally(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	got := tally([]Outcome{{Err: a}, {}, {Err: b}, {Err: b}})
	if d := cmp.Diff([]Tally{{"b", 2}, {"a", 1}}, got); d != "" {
		t.Error(d)
	}
}

func TestSave(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pictures")
	n, err := Save(dir, []Outcome{
		{Pictures: []Picture{{"png", []byte("a")}, {"jpg", []byte("b")}}},
		{Err: errors.New("x"), Pictures: []Picture{{"png", []byte("c")}}},
		{Pictures: []Picture{{"png", []byte("d")}}},
	})
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if d := cmp.Diff([]string{"req_0000_0.png", "req_0000_1.jpg", "req_0002_0.png"}, names); err != nil || n != 3 || d != "" {
		t.Error(n, err, d)
	}
	file := filepath.Join(dir, "req_0000_0.png")
	if _, err := Save(file, nil); err == nil {
		t.Error("a file is taken for a folder")
	}
}
