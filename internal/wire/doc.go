// Package wire is how core and plugins talk: hashicorp/go-plugin over gRPC with mutual TLS, both sides. It is the only
// package that imports go-plugin and hclog; nothing of theirs shows in its API.
//
// Host side, in the order of a plugin's life:
//
//	host.go       Host: what all plugins of a server share; Launch
//	guard.go      checks before a launch: fork bomb, command, checksum, runtime folder
//	spawn*.go     one goroutine, locked to its thread for ever, starts every process
//	runner.go     the process as go-plugin sees it; our own pipes and exit watch
//	greeting.go   the first line of standard output, checked by us so that its errors have names
//	logline.go    standard error, parsed by us because go-plugin's parser can be crashed by one line
//	process.go    Process: pid, death, and an end that leaves nothing behind
//	client.go     Describe, Configure, Probe, Close
//	model_client.go, profiler_client.go  the two kinds
//
// Plugin side:
//
//	serve.go      the server of one plugin process
//	plugin_server.go, model_server.go, profiler_server.go, follow.go  its services
//	logger.go     slog to the host: hclog's JSON on standard error
//	memory.go     both sides in one process, for tests
//
// Both: handshake.go (cookie, version, limits), values.go and convert.go (Go values to messages and back), errors.go.
package wire
