package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// apiError is an error as the caller sees it.
type apiError struct {
	Code    string // of a row of errorTable
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

func (e *apiError) status() int { return rowOf(e.Code).status }

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
	b := errorBody{Message: e.Message, Type: rowOf(e.Code).typ(), Code: e.Code}
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
	switch {
	case e.Code == codeBadToken:
		w.Header().Set("WWW-Authenticate", `Bearer realm="strobe"`)
	case e.Code == codeTooLarge, e == errInputs:
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
	case stateOf(r).bodyState == bodySlow:
		return errSlowBody
	case stateOf(r).bodyState == bodyTooMuch:
		return errInputs
	case errors.As(err, &own):
		return own
	case errors.As(err, &large):
		e := failf(codeTooLarge, "", "the body is larger than the limit of %d bytes: send less, or raise server.max_body", large.Limit)
		e.Cause = err
		return e
	case r.Context().Err() != nil && errors.Is(err, context.Canceled):
		return &apiError{Code: codeClientClosed, Message: "the client went away", Cause: err}
	}
	if row := domainRow(err); row != nil {
		return domainError(row, err)
	}
	return &apiError{Code: codeInternal, Cause: err,
		Message: "the server met an error of its own; its log has it under request id " + stateOf(r).id}
}
