// Package catalog finds, verifies, launches, describes, configures, loads and supervises plugins.
//
//	catalog.go   Load, Validate, Close: all or nothing
//	plan.go      what the configuration asks for, before anything is started
//	source.go    where a plugin comes from: this binary run again, or a command of the user's. One road for both
//	start.go     launch, describe, configure, load
//	findings.go  what went wrong, at its place in plugins.hcl, all at once
//	closers.go   what was started is ended
//	rank.go      one process of a stage, restarted when it dies
//	doubt.go     a process that does not answer to profiles is replaced, and no request lost
//	profiler.go  one profiler, started when it is needed
//	info.go      what is shown of plugins
package catalog
