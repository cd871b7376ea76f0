package config

import (
	"slices"
	"strings"
)

// Values of server.access_log: the level of the line that each request of a user gets.
const (
	AccessLogDebug = "debug"
	AccessLogInfo  = "info"
	AccessLogWarn  = "warn"
	AccessLogOff   = "off" // only errors of the server are logged
)

var accessLogs = []string{AccessLogDebug, AccessLogInfo, AccessLogWarn, AccessLogOff}

// accessLog reads server.access_log.
func (b *block) accessLog() string {
	const key = "access_log"
	level := b.str(key, DefaultAccessLog)
	if !slices.Contains(accessLogs, level) {
		b.bad(key, "", "%s must be one of %s, not %q", key, strings.Join(accessLogs, ", "), level)
		return DefaultAccessLog
	}
	return level
}
