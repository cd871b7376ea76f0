// Package summary turns a recording's events into the table that `profile stop` prints: for each stage, how often each
// span occurred, how long it took in all, on average and at the 99th percentile, its share of the time, and GFLOP/s.
//
// An [Aggregator] takes the batches of a recording, in the order in which a reader delivers them, while the profile is
// still running; [Aggregator.Table] may be asked for at any time. It costs about 15 ns an event (BenchmarkAdd) and memory that does not
// grow with the number of events: at most 256 rows a process, of at most 32 KiB each.
//
// What the numbers mean:
//
//   - wall is the time from the first begin to the last end of any span of any process: the time in which something ran.
//     Waiting before the first request and after the last is no part of it.
//   - share is a row's total divided by wall and by the number of ranks that the section covers. Spans that enclose each
//     other are each counted whole, so shares do not add up to 100 %. In core, which handles requests side by side, a
//     share above 100 % is the mean number of requests at a time.
//   - p99 is exact below 128 ns; from there on it comes from a histogram of 64 buckets an octave and is at most 0.8 % off.
//   - flops are those that operators state, added up into the steps, blocks and stages that enclose them; GFLOP/s divides
//     them by the row's total. A row without any has none: absent, not zero.
//   - spans that were still open when the recording ended are counted in Open and in no row.
//
// The files of this package:
//
//	aggregator.go  events to rows
//	device.go      what devices did, or why that is not known
//	row.go         one row while it is being added up
//	histogram.go   durations in logarithmic buckets
//	table.go       the table: a plain value, JSON both ways
//	build.go       rows to a table
//	text.go        the table as text
//	units.go       durations and counts for people
package summary
