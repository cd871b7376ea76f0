// Package nsight is a profiler plugin that writes what NVIDIA's Nsight Systems exports: an SQLite file, for `nsys stats` and for
// SQL.
//
//   - profiler.go: what the host sees
//   - schema.go: the tables; enums.go: the texts of numbers
//   - database.go: the file, rows and their bound
//   - sink.go: a profile's life, processes, tracks and texts
//   - ranges.go: spans as NVTX ranges; device.go: work of devices and the calls that caused it
//   - about.go: what the file says of itself, of the machine and its devices
//
// Table and column names, their order and their encodings are those of Nsight Systems' own exports in the version of the schema
// that the file states.
package nsight
