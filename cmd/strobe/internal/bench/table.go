package bench

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
)

// Widths of the table: of its frame, of the lines between its sections, and of the names.
const (
	frameWidth = 60
	ruleWidth  = 50
	nameWidth  = 40
)

// table collects the lines.
type table struct{ strings.Builder }

func (t *table) row(name, format string, args ...any) {
	t.WriteString(strings.TrimRight(fmt.Sprintf("%-*s %s", nameWidth, name, fmt.Sprintf(format, args...)), " ") + "\n")
}

func (t *table) rule() { t.WriteString(strings.Repeat("-", ruleWidth) + "\n") }

// Table shows the result with the original's rows, and ours: images per second, and whether the weights are made up.
func (m *Metrics) Table(c *Config) string {
	t := &table{}
	const title = " Serving Benchmark Result "
	left := (frameWidth - len(title)) / 2
	t.WriteString("\n" + strings.Repeat("=", left) + title + strings.Repeat("=", frameWidth-len(title)-left) + "\n")
	t.row("Endpoint:", "%s", m.Endpoint)
	t.row("Model:", "%s", client.Printable(m.Model))
	if m.Synthetic {
		t.row("Weights:", "%s", "synthetic (the pictures are noise)")
	}
	t.row("Dataset:", "%s", m.Dataset)
	t.row("Task:", "%s", m.Task)
	t.rule()
	t.row("Benchmark duration (s):", "%.2f", m.Duration)
	t.row("Request rate:", "%s", rate(c.RequestRate))
	t.row("Max request concurrency:", "%d", c.MaxConcurrency)
	t.row("Successful requests:", "%d/%d", m.Completed, m.Completed+m.Failed)
	t.rule()
	t.row("Request throughput (req/s):", "%.2f", m.Throughput)
	t.row("Image throughput (images/s):", "%.2f", m.ImagesPerSec)
	t.row("Latency Mean (s):", "%.4f", m.LatencyMean)
	t.row("Latency Median (s):", "%.4f", m.LatencyMed)
	t.row("Latency P99 (s):", "%.4f", m.LatencyP99)
	t.row("Latency P95 (s):", "%.4f", m.LatencyP95)
	if m.SLO != nil {
		t.rule()
		t.row("SLO Attainment Rate (all):", "%.2f%%", 100*m.SLO.Attainment)
		t.row("SLO Met (success count):", "%d", m.SLO.Met)
		t.row("SLO Scale:", "%g", m.SLO.Scale)
	}
	if m.PeakMemMax > 0 {
		t.rule()
		t.row("Peak Memory Max (MB):", "%.2f", m.PeakMemMax)
		t.row("Peak Memory Mean (MB):", "%.2f", m.PeakMemMean)
		t.row("Peak Memory Median (MB):", "%.2f", m.PeakMemMed)
	}
	if len(m.StagesMean) > 0 {
		t.rule()
		t.WriteString("Stage Durations Mean (s):\n")
		for _, stage := range slices.Sorted(maps.Keys(m.StagesMean)) {
			t.row("  "+client.Printable(stage)+":", "%.4f", m.StagesMean[stage])
		}
	}
	t.WriteString("\n" + strings.Repeat("=", frameWidth) + "\n")
	return t.String()
}

func rate(r float64) string {
	if math.IsInf(r, 1) {
		return "inf"
	}
	return fmt.Sprintf("%g", r)
}
