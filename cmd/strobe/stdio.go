//go:build !windows

package main

import (
	"io"
)

// stdio is what a command reads and writes: the process's own files, or a test's buffers.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// exitError is an error that chooses the exit status: 1 when the request failed, 2 when the command was used wrongly.
type exitError struct {
	code int
	err  error // printed once; nil when what there is to say was said already
}

// Error is the text of the error within; a silent one has none.
func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

// Unwrap is the error within.
func (e *exitError) Unwrap() error { return e.err }
