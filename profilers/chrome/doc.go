// Package chrome is the profiler plugin that writes Chrome trace files: Kineto-compatible JSON, gzipped, that Perfetto,
// chrome://tracing, speedscope, TensorBoard and HolisticTraceAnalysis open.
//
// A profile becomes one file a model process and one merged file with every process. The files grow while the profile runs, so
// that stopping costs their last block and their tail:
//
//	event -> JSON line (encode.go, args.go) -> the process's block (process.go)
//	      -> one deflate pass a block (block.go) -> the same bytes into both gzip files (gzfile.go)
//
// A deflate block never refers to bytes of another block, and it ends on a byte (a sync flush), so blocks of several processes
// may follow each other in any order inside one gzip member. Only the checksum has to be worked out per file (crc.go).
package chrome
