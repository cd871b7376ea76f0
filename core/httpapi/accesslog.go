package httpapi

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"time"
)

// Attribute keys of this package's log lines.
const (
	logRequestID = "request_id"
	logMethod    = "method"
	logRoute     = "route" // as in the table of routes, or "none"
	logStatus    = "status"
	logSeconds   = "seconds"
	logBytes     = "bytes"  // of the reply's body
	logRemote    = "remote" // the caller's address
	logCode      = "code"   // of the error
	logError     = "error"
	logProfile   = "profile"  // its id
	logTraceID   = "trace_id" // of the caller's traceparent
	logPanic     = "panic"
	logStack     = "stack"
)

// AccessLogOff as [Options].AccessLog leaves out all lines but those about errors of the server.
const AccessLogOff = slog.Level(math.MaxInt)

// finish counts and logs a request: at Options.AccessLog what users do, at debug what machines ask every few seconds.
// Neither bodies nor paths' contents beyond the route are logged, except a profile's id.
func (s *Server) finish(r *http.Request, st *state) {
	if st.status == 0 {
		st.status = http.StatusOK
	}
	took := time.Since(st.began)
	name, level := "none", slog.LevelDebug
	if st.route != nil {
		name = st.route.path
		if st.route.access != accessOpen && st.route.access != accessMetrics {
			level = s.o.AccessLog
		}
	}
	s.metrics.observe(st, r.Method, name, s.engine.Model().Name, took)
	s.audit(r, st)
	ours := st.status >= 500 && st.status != http.StatusServiceUnavailable // 503 is how load is shed: no error of ours
	if ours {
		level = slog.LevelError
	}
	if s.o.AccessLog == AccessLogOff && !ours {
		return
	}
	attrs := []slog.Attr{
		slog.String(logRequestID, st.id), slog.String(logMethod, clip(r.Method, 20)), slog.String(logRoute, name),
		slog.Int(logStatus, st.status), slog.Float64(logSeconds, took.Seconds()), slog.Int64(logBytes, st.bytes),
		slog.String(logRemote, remote(r)),
	}
	if id := st.trace.traceID(); id != "" {
		attrs = append(attrs, slog.String(logTraceID, id))
	}
	if st.code != "" {
		attrs = append(attrs, slog.String(logCode, st.code))
	}
	if st.cause != nil && st.status >= 500 {
		cause := st.cause.Error()
		if !st.seesPaths() {
			cause = cloak(cause)
		}
		attrs = append(attrs, slog.String(logError, cause))
	}
	s.log.LogAttrs(context.WithoutCancel(r.Context()), level, "request", append(attrs, st.log...)...)
}
