package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// Bounds of TestAddedLatency, ten times looser than what is wanted: 1 ms at the median and 5 ms at the 99th percentile.
const (
	addedMedian = 10 * time.Millisecond
	addedP99    = 50 * time.Millisecond
)

// TestAddedLatency: what a client waits for a model that answers at once is what core and the hop to the plugin add.
func TestAddedLatency(t *testing.T) {
	n := 200
	if os.Getenv("STROBE_TEST") == "full" {
		n = 5000
	}
	took := newLatency(t).times(n)
	median, p99 := took[n/2], took[n*99/100]
	t.Logf("added: %v at the median, %v at the 99th percentile of %d requests", median, p99, n)
	if median > addedMedian || p99 > addedP99 {
		t.Errorf("added %v at the median, %v at the 99th percentile", median, p99)
	}
}

// BenchmarkAddedLatency tells the same for one client, and beside it what an HTTP server takes that does nothing else.
// Run it with -benchtime 5000x.
func BenchmarkAddedLatency(b *testing.B) {
	l := newLatency(b)
	l.times(200)
	b.ResetTimer()
	took := l.times(b.N)
	b.StopTimer()
	nothing := l.nothing(b.N)
	for name, v := range map[string][]time.Duration{"": took, "http-alone-": nothing} {
		b.ReportMetric(float64(v[len(v)/2])/1e3, name+"p50-µs")
		b.ReportMetric(float64(v[len(v)*99/100])/1e3, name+"p99-µs")
	}
	b.ReportMetric(0, "ns/op")
}

// latency is a client with one connection.
type latency struct {
	t      testing.TB
	client *http.Client
	url    string
}

func newLatency(t testing.TB) *latency {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	p := startInstant(t, instant{server: `access_log = "off"`})
	return &latency{t: t, client: &http.Client{Transport: tr}, url: p.url}
}

// times are those of n requests, one after the other, sorted.
func (l *latency) times(n int) []time.Duration {
	return l.timesAt(l.url+"/v1/images/generations", n)
}

// nothing are the times of n requests to a server that reads them and answers.
func (l *latency) nothing(n int) []time.Duration {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, strings.Repeat("x", 200))
	}))
	defer s.Close()
	return l.timesAt(s.URL, n)
}

func (l *latency) timesAt(url string, n int) []time.Duration {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	took := make([]time.Duration, n)
	for i := range took {
		req, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(fmt.Sprintf(`{"prompt":"x","seed":%d}`, i)))
		if err != nil {
			l.t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		began := time.Now()
		res, err := l.client.Do(req)
		if err != nil {
			l.t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		took[i] = time.Since(began)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			l.t.Fatalf("%d %s: %v", res.StatusCode, body, err)
		}
	}
	slices.Sort(took)
	return took
}
