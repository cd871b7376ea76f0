// Package otlp is the profiler plugin that sends a profile to an OpenTelemetry backend as distributed traces, over OTLP/gRPC,
// while the profile runs.
//
// A request is a trace. Spans are encoded straight from a recording's batches into the bytes of OTLP's protobuf, without an
// object for each, and go out in chunks:
//
//	event -> its place in a trace (traces.go, ids.go) -> bytes (encode.go, attrs.go) -> the process's chunk (chunk.go)
//	      -> one of several uploads in flight (sender.go) -> the ordinary OTLP client (client.go)
//
// When the backend is slow or away, uploads wait, then the sink does, and the recording's reader with it: nothing is kept but
// the chunks in flight, as the recording is on disk. After a stop that lasts for a bounded time; what has not been delivered by
// then is written down (report.go), and a later export of the same recording sends that and nothing else.
package otlp
