package config

import "time"

// Every default of plugins.hcl. A key that is absent or null takes its default; zero is a value like any other.
const (
	DefaultListen         = "127.0.0.1:8091"
	DefaultCgroup         = "auto"
	DefaultQueueSize      = 64
	DefaultRequestTimeout = 300 * time.Second
	DefaultMaxBodyBytes   = 32 << 20
	DefaultProfileDir     = "profiles"
	DefaultMaxDuration    = 10 * time.Minute
	DefaultMaxBytes       = 1 << 30
	DefaultKeep           = 20
	DefaultMinFreeBytes   = 256 << 20
	DefaultReplicas       = 1

	DefaultStartsPerMinute      = 120
	DefaultGenerationsPerMinute = 0 // no limit: the queue is one
	DefaultConnections          = 4096
	DefaultConnectionsPerClient = 2048
	DefaultHeaderTimeout        = 10 * time.Second
	DefaultBodyTimeout          = 2 * time.Minute
	DefaultIdleTimeout          = 2 * time.Minute
	DefaultStallTimeout         = time.Minute
	DefaultMaxHeaderBytes       = 64 << 10

	DefaultAccessLog = AccessLogInfo

	DefaultProgress = 5 * time.Minute
	DefaultCancel   = 30 * time.Second
	DefaultFinish   = 10 * time.Minute

	DefaultFlightWindow    = 30 * time.Second
	DefaultFlightBytes     = 64 << 20
	DefaultFlightKeep      = 5
	DefaultTriggerAfter    = time.Second
	DefaultTriggerInterval = time.Minute
	DefaultTriggerFactor   = 3.0
)

// Every bound of plugins.hcl, both ends allowed.
const (
	MaxReplicas       = 64
	MaxQueueSize      = 1 << 16
	MinRequestTimeout = time.Second
	MaxRequestTimeout = 24 * time.Hour
	MinBodyBytes      = 1 << 10
	MaxBodyBytes      = 1 << 30
	MinMaxDuration    = time.Second
	MaxMaxDuration    = 24 * time.Hour
	// MinMaxBytes is the least a profile can be given. Half of profile.max_bytes is split between the processes that
	// record, and a segment needs SegmentBytes; so with many ranks more is needed, see checkBudget.
	MinMaxBytes = 16 << 20
	MaxMaxBytes = 1 << 40
	MaxKeep     = 10_000
	MinMaxAge   = time.Minute
	MaxMaxAge   = 10 * 365 * 24 * time.Hour
	MaxTotal    = 1 << 50 // of profile.max_total_bytes

	MaxSampleEvery = 1_000_000_000

	MinPluginMemory  = 32 << 20 // a Go plugin takes some 20 MiB before it does anything
	MaxPluginMemory  = 1 << 50
	MinPluginTimeout = 100 * time.Millisecond
	MaxPluginTimeout = 24 * time.Hour

	MaxPerMinute     = 1_000_000
	MaxConnections   = 1 << 20
	MinClientTimeout = 100 * time.Millisecond
	MaxClientTimeout = time.Hour
	MinHeaderBytes   = 4 << 10
	MaxHeaderBytes   = 1 << 20

	MinFlightWindow    = time.Second
	MaxFlightWindow    = time.Hour
	MinFlightBytes     = 8 << 20 // of one process: a ring of eight segments
	MinTriggerInterval = time.Second
	MaxTriggerFactor   = 1000.0
)

// SegmentBytes is the smallest segment that a process can record into.
const SegmentBytes = 1 << 20

// BuiltInName is how findings and logs call the embedded configuration.
const BuiltInName = "plugins.hcl (built in)"

// Limits on the text itself, far beyond any real file, so that a hostile one costs little.
const (
	maxFileBytes = 64 << 10 // HCL reads a heredoc in quadratic time: 240 kB of one take 10 s
	maxNesting   = 64
)
