// Package bench measures a running server with the flags, the requests and the result of vLLM-Omni's diffusion
// benchmark, so that figures of the two can be put side by side.
//
//	config.go            what the flags say, and what is wrong with them
//	dataset.go           requests out of a data set: random.go, vbench.go, trace.go (pyliteral.go), custom.go
//	picture.go           input images: files, and those made here
//	wire.go, edits.go    a request's body, and its sending
//	reply.go             what is read of its reply
//	run.go               warm-ups, arrivals, concurrency
//	slo.go               what each request was promised
//	metrics.go, table.go the figures, as JSON and as the table
//	save.go              the pictures, as files
//
// The order of a run: requests are made, then warm-ups run, then a profile starts if one is wanted, then the clock.
package bench
