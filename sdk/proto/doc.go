// Package proto holds the protocol between core and plugins: the .proto files under strobe/ and the Go code made of
// them. Authors of Go plugins never need it: sdk/plugin serves it for them.
//
// Services, one package a version:
//
//	strobe/plugin/v1    what every plugin answers: Describe, Configure, Probe, Close; typed values and diagnostics
//	strobe/model/v1     Load, Generate, StartRecording, StopRecording, StartCPUProfile, StopCPUProfile, StartFlight, StopFlight, Snapshot
//	strobe/profiler/v1  Open, Finish, Abort
//
// Rules: times are nanoseconds since 1970 UTC, durations are seconds or nanoseconds as the field's name says, sizes
// are bytes. Fields are never renumbered; a new ability is a new [Capability] value, not a new meaning of an old field.
//
// [Capability]: https://pkg.go.dev/github.com/strobe-dev/strobe/sdk/proto/strobe/plugin/v1#Capability
package proto

//go:generate sh -c "cd ../.. && buf lint && buf generate && buf build sdk/proto --as-file-descriptor-set --exclude-source-info -o sdk/python/strobe_plugin/strobe.binpb"
