// Package trace records what a process does into a memory-mapped segment, at the cost of two clock reads a span.
//
//	var nameStep = trace.Name("denoise_step") // once, at package level
//
//	track := rec.Track("worker")              // one goroutine at a time writes a track
//	span := track.Begin(nameStep)             // one branch while the recorder is off
//	...
//	span.End()
//
// A span is in the file from its begin on, with an open end that is filled in place: a process that is killed loses
// nothing that it had recorded. Writers never wait, lock or call the system while there is space; what has no space is
// counted in [Losses]. A segment's format is stated in sdk/recording/FORMAT.md, and package recording reads it.
//
// # How it works
//
//	control.go       Recorder: start, stop and the swap of segments, under writers that never wait
//	track.go         Track: its chunk, and what happens when the segment has changed
//	span.go point.go the hot paths; encode.go: arguments; requests.go: which request a span belongs to
//	lanes.go         pooled tracks for work that comes and goes
//	segmentfile.go   a segment being written: its space and its chunks; mapping.go: the memory; finish.go: the end
//	flight.go        the flight recorder: the last seconds, always there; ring.go: its row of segments
//	carry.go         spans that are open in segments of the row which have gone
//	keeper.go        the goroutine of a recording: reserves and populates space ahead, takes clock pairs
//	categories.go    what a recording can do without: Track.If
//	names.go meta.go the process's name table, and how names and clock pairs get into segments
//	clock.go         ticks: the processor's counter where it can be trusted, else the system's monotonic clock
//	stamp_*.go *.s   reading the clock and committing a record in one go
//
// # What it costs
//
// BENCHMARKS.md has figures; go test -bench . ./sdk/trace measures them. Each track takes a chunk of 16 KiB at its first
// event; each recording reserves up to 32 MiB of disk ahead of what is used, given back at the stop, and populates 8 MiB.
//
// # Known issues
//
// A flight recorder's writer that is interrupted between its look at the epoch and the record of a begin, for as long as a
// rotation takes, and whose track then writes nothing, is seen to have begun that span when it writes next. Spans that are
// open when a recording gives way to the flight recorder again are in it from their track's next event on.
//
// A track that never writes again after a stop keeps an address range of the segment's size mapped, without memory in it,
// until it writes, is released or becomes garbage. Another process that truncates a live segment kills this one; the file's
// mode is 0600 for that reason.
package trace
