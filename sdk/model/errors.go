package model

import (
	"errors"
	"fmt"
)

// RequestError is the caller's fault: a value that the stage cannot serve.
type RequestError struct {
	Field   string // the request's field: "size"
	Message string // what is wrong and what would do
}

func (e *RequestError) Error() string { return e.Field + ": " + e.Message }

// BadRequest makes a [RequestError].
func BadRequest(field, format string, args ...any) error {
	return &RequestError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// AsRequestError finds a RequestError in err's chain.
func AsRequestError(err error) (*RequestError, bool) {
	var r *RequestError
	ok := errors.As(err, &r)
	return r, ok
}
