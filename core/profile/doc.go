// Package profile runs profiles: who records, who exports, what is kept.
//
// Life of a profile:
//
//  1. Start makes the profile's directory, tells core and every rank to record into a segment of it, and opens every
//     profiler: all at once, each under a deadline. If one cannot, the others are rolled back and the directory goes.
//  2. While it records, requests are counted. It ends by Stop, by its limits, or with the server.
//  3. At the end the ranks stop first, core last; then the profilers finish, all at once, each under a deadline.
//  4. What exists is its result: a row for each process and each profiler with figures or an error.
//
// One profile is active at a time: from start until its last export. The directory:
//
//	<dir>/<id>/recording/profile.json  the manifest: the profile's [View], replaced atomically at each change of state
//	<dir>/<id>/recording/summary.json  the summary table
//	<dir>/<id>/recording/*.seg         the recording, kept so that it can be exported again
//	<dir>/<id>/…                       the artifacts
//
// Files: manager.go, plan.go, start.go, stop.go and export.go the states; entry.go one profile; manifest.go, load.go and keep.go
// the disk; view.go and errors.go what callers see.
package profile
