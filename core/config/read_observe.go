package config

// Values of server.access_log: the level of the line that each request of a user gets.
const (
	AccessLogDebug = "debug"
	AccessLogInfo  = "info"
	AccessLogWarn  = "warn"
	AccessLogOff   = "off" // only errors of the server are logged
)

var accessLogs = []string{AccessLogDebug, AccessLogInfo, AccessLogWarn, AccessLogOff}
