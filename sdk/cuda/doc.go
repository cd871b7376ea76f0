// Package cuda records what CUDA did into the recordings of a model plugin, and turns outside profilers of CUDA on and off
// with them. One line does it, in the plugin's Load:
//
//	c := cuda.Attach(rec, cuda.Options{})
//
// NVIDIA's profiling library, libcupti, sees only the process that it is loaded into. So the plugin itself collects: when a
// recording starts, the library is found and loaded, activity is turned on, and what it delivers becomes [trace.Work] on a
// track for each stream, and on one for each thread that called the runtime or the driver. Nothing is loaded before the
// first recording, nor ever with [Off].
//
// So that kernels are tied to the operators that launched them, the goroutine that calls CUDA is bound to its thread:
//
//	t := c.Bind(track)
//	defer t.Release()
//	span := t.Begin(nameLinear) // instead of track.Begin
//	...                         // launches
//	span.End()
//
// # Files
//
//	options.go    what an author sets; errors.go: why there are no device events
//	collector.go  Collector: start and stop of a recording; session.go: one recording
//	thread.go     threads that are bound, and the spans around their calls
//	find.go       where libcupti may be; loader.go: opens libraries; cupti.go, driver.go, nvtx.go: what is used of them
//	buffers.go    memory that the library fills, and its callbacks
//	clock.go      the library's clock on the recorder's
//	layout.go     the records' fields; decode.go, kernel.go: records into work; links.go: work to the spans around its call
//	facts.go      what is said of devices
//	none.go       builds without CUDA
//
// README.md says what is recorded under which keys, what it costs and what is known not to work.
package cuda
