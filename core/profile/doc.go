// Package profile runs profiles: who records, who exports, what is kept.
//
// Life of a profile:
//
//  1. Start makes the profile's directory, tells core and every rank to record into a segment of it, and opens every
//     profiler: all at once, each under a deadline. If one cannot, the others are rolled back and the directory goes.
//  2. While it records, requests are counted. It ends by Stop, by its limits, or with the server.
//  3. At the end the ranks, and profilers that measure, stop first, core last; then the profilers finish, all at once, each under a deadline.
//  4. What exists is its result: a row for each process and each profiler with figures or an error.
//
// A rank that dies meanwhile is in the result as what it is, with its events; its successor records on. A profiler that
// dies, before the end or in it, is started once more and exports the recording from its beginning. A profile whose server
// died is found by the next [New], by its manifest that is not final and its lock that nobody holds: it is exported in the
// background, by processes of its own beside those of the active profile, and becomes recovered. A server that is closed
// meanwhile leaves it to the next. RecoverFolder does the same by hand.
//
// A snapshot enters at step 4: its recording are the segments of the flight recorders, which the processes keep on outside
// profiles, and which get a second name in the profile's directory.
//
// One profile is active at a time: from start until its last export. The directory:
//
//	<dir>/<id>/recording/profile.json  the manifest: the profile's [View], replaced atomically at each change of state
//	<dir>/<id>/recording/summary.json  the summary table
//	<dir>/<id>/recording/marks.json    the label and the pin, when they were changed
//	<dir>/<id>/recording/*.seg         the recording, kept so that it can be exported again
//	<dir>/<id>/…                       the artifacts
//	<dir>/.flight-<id>/<process>.<n>/  what a server's processes remember; goes with the server
//
// Files: manager.go, plan.go, start.go, stop.go and export.go the states; recover.go and recover_folder.go what killed servers
// left; entry.go one profile; source.go profilers that measure; flight.go the flight recorders, snapshot.go
// and trigger.go what is made of them; manifest.go, load.go, keep.go
// and retention.go the disk; pin.go what callers change, list.go and events.go what they look at; view.go and errors.go what callers see.
package profile
