// Package segment is the layout of a segment, the file that a recording process writes: one table of structures, fields
// and kinds that the writer, the reader and FORMAT.md share.
//
//	layout.go   constants: sizes, offsets, kinds
//	table.go    the same as data, for the document and for the test that nothing overlaps
//	header.go   the header page, encoded and decoded
//	head.go     the first word of a record
//	markdown.go the tables of FORMAT.md
package segment
