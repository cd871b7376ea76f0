// Package benchmarks compares what a span costs: ours, runtime/trace's region and OpenTelemetry's span, in one run.
//
// It is a module of its own, so that OpenTelemetry's SDK is no requirement of ours.
//
//	go test -run TestRatios -v          the three in turn, medians, and the ratios
//	go test -bench . -benchmem          each alone
package benchmarks
