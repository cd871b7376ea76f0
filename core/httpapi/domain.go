package httpapi

import (
	"context"
	"errors"
	"time"

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

// engineError maps what the engine says; nil when err is none of its errors.
func engineError(err error) *apiError {
	var full *engine.QueueFullError
	var rank *engine.RankError
	switch {
	case errors.As(err, &full):
		return &apiError{Code: codeQueueFull, Message: full.Error(), RetryAfter: full.RetryAfter, Cause: err}
	case errors.As(err, &rank):
		code := codeModelFailed
		if rank.Rank < 0 { // none is up: not this request's doing
			code = codeRankUnavailable
		}
		return &apiError{Code: code, Message: rank.Error(), Cause: err}
	case errors.Is(err, engine.ErrDraining):
		return &apiError{Code: codeShuttingDown, Message: engine.ErrDraining.Error(), RetryAfter: retryDraining, Cause: err}
	case errors.Is(err, engine.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return &apiError{Code: codeTimeout, Cause: err,
			Message: "the request took longer than server.request_timeout allows: ask for fewer steps or a smaller size"}
	}
	if bad, ok := model.AsRequestError(err); ok {
		param := bad.Field
		if name, ok := wireNames[param]; ok {
			param = name
		}
		return &apiError{Code: codeInvalidValue, Param: param, Message: param + ": " + bad.Message, Cause: err}
	}
	return nil
}

// profileCodes maps the profile manager's codes to ours; their statuses are in errors.go.
var profileCodes = map[profile.Code]string{
	profile.CodeActive:          codeProfileActive,
	profile.CodeNoActive:        codeNoActiveProfile,
	profile.CodeOff:             codeProfilingOff,
	profile.CodeNotFound:        codeNotFound,
	profile.CodeInvalid:         codeInvalidValue,
	profile.CodeRankUnavailable: codeRankUnavailable,
	profile.CodeRecordingFailed: codeRecordingFailed,
	profile.CodeProfilerFailed:  codeProfilerFailed,
	profile.CodeRecordingGone:   codeRecordingGone,
	profile.CodeFlightOff:       codeFlightOff,
	profile.CodeDir:             codeProfileDir,
	profile.CodeShuttingDown:    codeShuttingDown,
	profile.CodeCancelled:       codeClientClosed,
}

// profileError maps what the profile manager says; nil when err is none of its errors.
func profileError(err error) *apiError {
	e, ok := profile.AsError(err)
	if !ok {
		return nil
	}
	code, ok := profileCodes[e.Code]
	if !ok {
		code = codeInternal
	}
	out := &apiError{Code: code, Message: e.Message, Param: e.Param, Cause: err}
	if code == codeShuttingDown {
		out.RetryAfter = retryDraining
	}
	return out
}
