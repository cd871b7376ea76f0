package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Codes of errors: the stable `code` of an error reply. Their statuses are in the table below.
const (
	codeInvalidJSON     = "invalid_json"
	codeInvalidValue    = "invalid_value"
	codeMissing         = "missing_parameter"
	codeUnknownParam    = "unknown_parameter"
	codeUnsupported     = "unsupported_parameter"
	codeInvalidImage    = "invalid_image"
	codeMissingImage    = "missing_image"
	codeModelNotFound   = "model_not_found"
	codeBadToken        = "invalid_api_key"
	codeCrossSite       = "cross_site"
	codeHost            = "host_not_allowed"
	codeTokenRequired   = "profile_token_required"
	codeNotFound        = "not_found"
	codeProfilingOff    = "profiling_off"
	codeNotSupported    = "not_supported"
	codeMethod          = "method_not_allowed"
	codeProfileActive   = "profile_active"
	codeNoActiveProfile = "no_active_profile"
	codeRecordingGone   = "recording_gone"
	codeFlightOff       = "flight_recorder_off"
	codeTooLarge        = "payload_too_large"
	codeMediaType       = "unsupported_media_type"
	codeRange           = "range_not_satisfiable"
	codeClientClosed    = "client_closed"
	codeInternal        = "internal"
	codeModelFailed     = "model_failed"
	codeProfilerFailed  = "profiler_failed"
	codeProfileFailed   = "profile_failed"
	codeRecordingFailed = "recording_failed"
	codeProfileDir      = "profile_dir"
	codeQueueFull       = "queue_full"
	codeRankUnavailable = "rank_unavailable"
	codeShuttingDown    = "shutting_down"
	codeTokenUnreadable = "token_unreadable"
	codeTimeout         = "timeout"
)

// statusClientClosed is what the log and the metrics show when the client went away: nobody reads the reply.
const statusClientClosed = 499

// statuses is the one table that maps a code to HTTP. The type of an error follows from its status.
var statuses = map[string]int{
	codeInvalidJSON:     http.StatusBadRequest,
	codeInvalidValue:    http.StatusBadRequest,
	codeMissing:         http.StatusBadRequest,
	codeUnknownParam:    http.StatusBadRequest,
	codeUnsupported:     http.StatusBadRequest,
	codeInvalidImage:    http.StatusBadRequest,
	codeModelNotFound:   http.StatusBadRequest, // as vLLM-Omni; OpenAI says 404
	codeMissingImage:    http.StatusUnprocessableEntity,
	codeBadToken:        http.StatusUnauthorized,
	codeCrossSite:       http.StatusForbidden,
	codeHost:            http.StatusForbidden,
	codeTokenRequired:   http.StatusForbidden,
	codeNotFound:        http.StatusNotFound,
	codeProfilingOff:    http.StatusNotFound,
	codeNotSupported:    http.StatusNotFound,
	codeMethod:          http.StatusMethodNotAllowed,
	codeProfileActive:   http.StatusConflict,
	codeNoActiveProfile: http.StatusConflict,
	codeRecordingGone:   http.StatusGone,
	codeFlightOff:       http.StatusNotFound,
	codeTooLarge:        http.StatusRequestEntityTooLarge,
	codeMediaType:       http.StatusUnsupportedMediaType,
	codeRange:           http.StatusRequestedRangeNotSatisfiable,
	codeClientClosed:    statusClientClosed,
	codeInternal:        http.StatusInternalServerError,
	codeModelFailed:     http.StatusInternalServerError,
	codeProfilerFailed:  http.StatusInternalServerError,
	codeProfileFailed:   http.StatusInternalServerError,
	codeRecordingFailed: http.StatusInternalServerError,
	codeProfileDir:      http.StatusInternalServerError,
	codeQueueFull:       http.StatusServiceUnavailable,
	codeRankUnavailable: http.StatusServiceUnavailable,
	codeShuttingDown:    http.StatusServiceUnavailable,
	codeTokenUnreadable: http.StatusServiceUnavailable,
	codeTimeout:         http.StatusGatewayTimeout,
}

// apiError is an error as the caller sees it.
type apiError struct {
	Code    string // one of the codes above
	Message string // what is wrong and what to do
	Param   string // the request's field; empty: none
	// RetryAfter is sent as a header in whole seconds when above zero.
	RetryAfter time.Duration
	// Body is merged into the reply beside "error": a failed profile's result. Nil: none.
	Body any
	// Cause is logged, not shown.
	Cause error
}

func (e *apiError) Error() string { return e.Message }
func (e *apiError) Unwrap() error { return e.Cause }

// status of the error; a code outside the table is a defect and answers 500.
func (e *apiError) status() int {
	if s, ok := statuses[e.Code]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// typ is OpenAI's class of the error.
func (e *apiError) typ() string {
	switch s := e.status(); {
	case s == http.StatusUnauthorized:
		return "authentication_error"
	case s == http.StatusForbidden:
		return "permission_error"
	case s >= 500:
		return "server_error"
	default:
		return "invalid_request_error"
	}
}

// failf makes an error about a field of the request; param may be empty.
func failf(code, param, format string, args ...any) *apiError {
	return &apiError{Code: code, Param: param, Message: fmt.Sprintf(format, args...)}
}

// errorReply is the one error form.
type errorReply struct {
	Error errorBody `json:"error"`
}

type errorBody struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    string  `json:"code"`
}

func (e *apiError) reply() errorReply {
	b := errorBody{Message: e.Message, Type: e.typ(), Code: e.Code}
	if e.Param != "" {
		b.Param = &e.Param
	}
	return errorReply{Error: b}
}

// writeError answers with err and returns the status.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	e := s.toAPIError(r, err)
	st := stateOf(r)
	st.code, st.cause = e.Code, e.Cause
	if e.Code == codeClientClosed {
		st.status = statusClientClosed
		return
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	switch e.Code {
	case codeBadToken:
		w.Header().Set("WWW-Authenticate", `Bearer realm="strobe"`)
	case codeTooLarge:
		drain(w, st.body)
	}
	if e.Body != nil {
		writeMerged(w, e.status(), e.reply(), e.Body)
		return
	}
	writeJSON(w, e.status(), e.reply())
}

// toAPIError maps what the engine and the profile manager say to the error form.
func (s *Server) toAPIError(r *http.Request, err error) *apiError {
	var own *apiError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &large):
		e := failf(codeTooLarge, "", "the body is larger than the limit of %d bytes (server.max_body_bytes)", large.Limit)
		e.Cause = err
		return e
	case r.Context().Err() != nil && errors.Is(err, context.Canceled):
		return &apiError{Code: codeClientClosed, Message: "the client went away", Cause: err}
	}
	if e := engineError(err); e != nil {
		return e
	}
	if e := profileError(err); e != nil {
		return e
	}
	return &apiError{Code: codeInternal, Cause: err,
		Message: "the server met an error of its own; its log has it under request id " + stateOf(r).id}
}
