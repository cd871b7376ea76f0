package httpapi

import (
	"context"
	"log/slog"
	"net/http"
)

// Actions of the audit: what a caller did or tried, one line each, whatever came of it.
const (
	auditStart    = "start"
	auditStop     = "stop"
	auditSnapshot = "snapshot"
	auditExport   = "export"
	auditDownload = "download" // of an artifact, or of all
	auditDelete   = "delete"
	auditLabel    = "label" // or pin
	auditTicket   = "ticket"
	auditRestart  = "plugin_restart"
)

// auditMessage is the message of every line of the audit; the rest is in attributes:
//
//	action      one of the actions above
//	who         role of the caller's token and its name in the token file, "control:deploy"; never the token
//	remote      the caller's address
//	path        of the request
//	profile     its id, when one is known
//	result      "ok", or the code of the error
//	status      of HTTP
//	request_id  as in the access log
const auditMessage = "audit"

// Attribute keys of the audit that the access log does not have.
const (
	logAction = "action"
	logWho    = "who"
	logPath   = "path"
	logResult = "result"
)

// resultOK is the result of what went well.
const resultOK = "ok"

// audit writes the line of a request whose route has an action.
func (s *Server) audit(r *http.Request, st *state) {
	if st.route == nil || st.route.audit == "" {
		return
	}
	s.auditAs(r, st, st.route.audit)
}

// auditAs writes a line for what a request did beside its route's own action.
func (s *Server) auditAs(r *http.Request, st *state, action string) {
	result := resultOK
	if st.code != "" {
		result = st.code
	}
	who := st.who
	if who.role == "" {
		who.role = roleNone
	}
	attrs := []slog.Attr{
		slog.String(logAction, action), slog.String(logWho, who.String()), slog.String(logRemote, remote(r)),
		slog.String(logPath, clip(r.URL.Path, 200)), slog.String(logResult, result), slog.Int(logStatus, st.status),
		slog.String(logRequestID, st.id),
	}
	s.log.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelInfo, auditMessage, append(attrs, st.log...)...)
}

// remote is the caller's address; a unix socket's callers have none.
func remote(r *http.Request) string {
	if r.RemoteAddr == "" || r.RemoteAddr == "@" {
		return "unix"
	}
	return r.RemoteAddr
}
