// Package recording reads recordings: finished ones, and ones that are still being written. FORMAT.md states the format.
//
//	event.go    what a reader delivers: events, batches, summaries
//	follower.go Follower: the segments of a folder, round by round; Read for a finished folder
//	source.go   one segment file; cursor.go: the records of one of its tracks
//	process.go  a process: its names, its tracks, its place on core's clock
//	track.go    records of a track into events in the order of their ends
//	batch.go    batches and the memory that they use again
//	clock.go    ticks into Unix nanoseconds
//
// A file is never trusted: what cannot be is passed over and counted in Losses.Corrupt. A reader takes memory for one
// batch a process, the names (bounded by Options.MaxMemory), about 300 bytes a track and the open spans.
package recording
