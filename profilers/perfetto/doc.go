// Package perfetto is a profiler plugin that writes Perfetto's native format: one file a profile, with every process on one
// clock, exact to the nanosecond.
//
//   - sink.go: what the host sees, the file and its bound
//   - track.go: spans into begins and ends, in the order that Perfetto nests by; arrows
//   - packet.go: the protobuf messages
//
// Field numbers are from Perfetto's protos (protos/perfetto/trace).
package perfetto
