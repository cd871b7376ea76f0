package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"unicode"
)

// maxErrorBody bounds what is read of an error reply.
const maxErrorBody = 64 << 10

// Error is a refusal by the server.
type Error struct {
	Status  int    // of HTTP
	Code    string // "profile_active"; empty when the server gave none
	Param   string // the field at fault; may be empty
	Message string
}

// Error is the server's message with its code.
func (e *Error) Error() string {
	code := e.Code
	if code == "" {
		code = fmt.Sprintf("HTTP %d", e.Status)
	}
	return fmt.Sprintf("%s (%s)", e.Message, code)
}

// ConnectError says that nothing answers at the server's address.
type ConnectError struct {
	Server string
	Err    error
}

// Error names the address and what to do.
func (e *ConnectError) Error() string {
	return fmt.Sprintf("no server answers at %s (%v): start one with `strobe serve`, or say where it is with STROBE_SERVER",
		e.Server, e.Err)
}

// Unwrap is the error of the connection.
func (e *ConnectError) Unwrap() error { return e.Err }

// transportError tells a server that is not there from other failures of a connection.
func transportError(ctx context.Context, server string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, gone := range []syscall.Errno{syscall.ECONNREFUSED, syscall.ENOENT} { // no such socket
		if errors.Is(err, gone) {
			return &ConnectError{Server: server, Err: gone}
		}
	}
	switch {
	case untrusted(err):
		return fmt.Errorf("the server at %s has a certificate that this machine does not trust: name its certificate authority with --ca: %w", server, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("you may not use the server's socket %s: be the user that it runs as: %w", server, syscall.EACCES)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("the server at %s went away before its answer was whole: look at its log, and ask again when it is up: %w", server, err)
	case errors.As(err, new(*net.DNSError)):
		return fmt.Errorf("the name in %s leads to no machine: look at it with --server or STROBE_SERVER: %w", server, err)
	}
	return fmt.Errorf("call the server at %s: %w", server, err)
}

// readError makes an [*Error] of a reply: OpenAI's form, FastAPI's, plain text, or nothing but the status.
func readError(method, path string, resp *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what came is the best that can be shown
	e := &Error{Status: resp.StatusCode}
	var body struct {
		Error  json.RawMessage `json:"error"`
		Detail json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(raw, &body) == nil {
		e.fill(body.Error)
		if e.Message == "" {
			e.Message = text(body.Detail)
		}
	}
	if e.Message == "" && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
		e.Message = strings.TrimSpace(string(raw))
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("%s %s answered %s", method, path, resp.Status)
	}
	e.Message = Printable(e.Message)
	return e
}

// fill takes the fields of OpenAI's error object; a bare string is the message.
func (e *Error) fill(raw json.RawMessage) {
	var object struct {
		Message string          `json:"message"`
		Param   *string         `json:"param"`
		Code    json.RawMessage `json:"code"`
	}
	if json.Unmarshal(raw, &object) != nil {
		e.Message = text(raw)
		return
	}
	e.Message = object.Message
	if object.Param != nil {
		e.Param = *object.Param
	}
	if code := text(object.Code); code != "null" {
		e.Code = code // vLLM gives a number, OpenAI and Strobe a word
	}
}

// text is a JSON string's value, or any other JSON as it stands.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// Printable drops control characters but newlines, so that no server writes to the terminal what is more than text.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || !unicode.IsControl(r) {
			return r
		}
		return -1
	}, s)
}
