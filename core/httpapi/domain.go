package httpapi

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/model"
)

// retryDraining is what a client is told to wait when this server goes down: time for another to come up.
const retryDraining = 5 * time.Second

// wireNames are the request's fields where core's names differ from those that callers know.
var wireNames = map[string]string{
	"steps": "num_inference_steps", "guidance": "guidance_scale", "count": "n", "images": "image",
}

// domainError is what the caller sees of an error of another package of core, as row says.
func domainError(row *errorRow, err error) *apiError {
	e := &apiError{Code: row.code, Cause: err}
	var full *engine.QueueFullError
	var rank *engine.RankError
	p, isProfile := profile.AsError(err)
	bad, isRequest := model.AsRequestError(err)
	switch {
	case isProfile:
		e.Message, e.Param = p.Message, p.Param
	case errors.As(err, &full):
		e.Message, e.RetryAfter = full.Error(), full.RetryAfter
	case errors.As(err, &rank):
		e.Message = rank.Error()
	case isRequest:
		e.Param = bad.Field
		if name, ok := wireNames[bad.Field]; ok {
			e.Param = name
		}
		e.Message = e.Param + ": " + bad.Message
	default:
		e.Message = plainText(row.when) + ": " + plainText(row.remedy)
	}
	if row.told {
		e.Message += "; " + plainText(row.remedy)
	}
	if row.code == codeShuttingDown {
		e.RetryAfter = retryDraining
	}
	return e
}

// plainText is a sentence of the table as part of a message: no capital, no full stop.
func plainText(sentence string) string {
	first, size := utf8.DecodeRuneInString(sentence)
	return string(unicode.ToLower(first)) + strings.TrimSuffix(sentence[size:], ".")
}
