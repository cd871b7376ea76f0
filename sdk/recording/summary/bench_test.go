package summary

import "testing"

// Cost an event: go test -bench Add ./sdk/recording/summary
func BenchmarkAdd(b *testing.B) {
	batches := served()
	b.ReportAllocs()
	var a Aggregator
	events := 0
	for b.Loop() {
		for _, batch := range batches {
			a.Add(batch)
			events += len(batch.Events)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
}

func BenchmarkTable(b *testing.B) {
	var a Aggregator
	for _, batch := range served() {
		a.Add(batch)
	}
	for b.Loop() {
		_ = a.Table().Text(DefaultWidth)
	}
}
