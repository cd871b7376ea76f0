// Package recording reads recordings: finished ones, and ones that are still being written. FORMAT.md states the format.
//
//	event.go    what a reader delivers: events, batches, summaries
//	follower.go Follower: the segments of a folder, round by round; Read for a finished folder
//	source.go   one segment file; cursor.go: the records of one of its tracks
//	process.go  a process: its names, its tracks, its place on core's clock
//	track.go    records of a track into events in the order of their ends
//	filter.go   which events a reader delivers
//	batch.go    batches and the memory that they use again
//	clock.go    ticks into Unix nanoseconds
//	text.go     the text form of a segment, both ways; text_write.go, text_parse.go, text_record.go, text_value.go its parts
//
// A file is never trusted: what cannot be is passed over and counted in Losses.Corrupt. Whatever the files say, a reader
// keeps no more than one batch (about 2 MiB), Options.MaxMemory for all names, clock pairs, tracks and open spans, 16 bytes
// for each chunk that it has found and not read, and 40 KiB a file.
package recording
