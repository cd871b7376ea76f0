// Package engine takes requests through a model: queue, stages, ranks, images.
//
// A model is a chain of stages, each served by one or more ranks. The life of a request:
//
//  1. It is planned: which size each stage is asked for (size.go).
//  2. It waits, first come first served, for a rank of the first stage (sched.go). When too many wait it is refused.
//  3. The rank makes images (dispatch.go); the request then waits for a rank of the next stage, and so on.
//  4. What the stages said is put together: images, warnings, durations (generate.go).
//
// A rank serves one request at a time. A rank that is down is passed over.
package engine
