package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/sdk/model"
)

// Codes of errors: the stable `code` of an error reply. What each means is in the table below.
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
	codeBadTicket       = "invalid_ticket"
	codeCrossSite       = "cross_site"
	codeHost            = "host_not_allowed"
	codeTokenRequired   = "profile_token_required"
	codeReadOnly        = "control_token_required"
	codeNotFound        = "not_found"
	codeProfilingOff    = "profiling_off"
	codeFlightOff       = "flight_recorder_off"
	codeNotSupported    = "not_supported"
	codeMethod          = "method_not_allowed"
	codeProfileActive   = "profile_active"
	codeNoActiveProfile = "no_active_profile"
	codePinLimit        = "pin_limit"
	codeRecordingGone   = "recording_gone"
	codeTooLarge        = "payload_too_large"
	codeMediaType       = "unsupported_media_type"
	codeRange           = "range_not_satisfiable"
	codeSlowBody        = "slow_body"
	codeRateLimited     = "rate_limited"
	codeClientClosed    = "client_closed"
	codeInternal        = "internal"
	codeModelFailed     = "model_failed"
	codeProfilerFailed  = "profiler_failed"
	codeProfileFailed   = "profile_failed"
	codePluginFailed    = "plugin_failed"
	codeRecordingFailed = "recording_failed"
	codeProfileDir      = "profile_dir"
	codeQueueFull       = "queue_full"
	codeRankUnavailable = "rank_unavailable"
	codeShuttingDown    = "shutting_down"
	codeTokenUnreadable = "token_unreadable"
	codeTimeout         = "timeout"
	codeNoSpace         = "no_space"
)

// statusClientClosed is what the log and the metrics show when the client went away: nobody reads the reply.
const statusClientClosed = 499

// errorRow is a row of the one table that maps what can go wrong to HTTP. The type of an error follows from its status.
// A new kind of error is a constant, a row here and, when a domain package has a code or an error of its own for it,
// that in the row's profile or is. docs/errors.md and /openapi.json are made from the rows:
// go test ./core/httpapi -run ErrorTable -update
type errorRow struct {
	code   string
	status int
	when   string         // what has happened
	remedy string         // what the caller does about it
	told   bool           // the remedy is said behind the error's own words, which come from a plugin or a process
	codes  []profile.Code // core/profile's codes that are this one
	is     isError        // errors of core/engine and sdk/model that are this one; the first row wins
}

// isError tells whether err is one of a kind.
type isError func(err error) bool

// errorTable is every error that the API answers with, by status.
var errorTable = []errorRow{
	{code: codeInvalidJSON, status: http.StatusBadRequest, when: "The body is not a JSON object.",
		remedy: "Send one. The message says at which byte it goes wrong."},
	{code: codeInvalidValue, status: http.StatusBadRequest, when: "A value is wrong; `param` names it.",
		remedy: "Send one that the message asks for.", codes: []profile.Code{profile.CodeInvalid}, is: isBadRequest},
	{code: codeMissing, status: http.StatusBadRequest, when: "A value that is needed was not sent; `param` names it.",
		remedy: "Send it."},
	{code: codeUnknownParam, status: http.StatusBadRequest, when: "The body has a key that this route does not know; `param` names it.",
		remedy: "Leave it out, or use the name that the message proposes."},
	{code: codeUnsupported, status: http.StatusBadRequest, when: "The server knows the parameter in `param` and cannot do what it asks for.",
		remedy: "Leave it out, or do what the message says."},
	{code: codeInvalidImage, status: http.StatusBadRequest, when: "An image that was sent cannot be used.",
		remedy: "Send PNG, JPEG, GIF or WebP of the size that the message names."},
	{code: codeModelNotFound, status: http.StatusBadRequest, when: "The request names another model than the server runs; vLLM-Omni's status, OpenAI says 404.",
		remedy: "Leave `model` out, or use the name in GET /v1/models."},
	{code: codeBadToken, status: http.StatusUnauthorized, when: "The route needs a token, and the one that came is missing or wrong.",
		remedy: "Send `Authorization: Bearer …` with a token of server.control_token_file, to look at profiles also of server.read_token_file, for images also of server.api_key_file."},
	{code: codeBadTicket, status: http.StatusUnauthorized, when: "The link's one-time ticket was used before, is too old or is for another file.",
		remedy: "Ask for a new link, or send a token."},
	{code: codeCrossSite, status: http.StatusForbidden, when: "A page of another site sent the request.",
		remedy: "Call the server from its own address or from a program."},
	{code: codeHost, status: http.StatusForbidden, when: "The Host header names a host that is not the server's.",
		remedy: "Add it to server.allowed_hosts."},
	{code: codeTokenRequired, status: http.StatusForbidden, when: "The server listens beyond loopback and has no profile token: its profile routes are closed.",
		remedy: "Set server.control_token_file and send a token of it."},
	{code: codeReadOnly, status: http.StatusForbidden, when: "The token is known, and its role does not open the route.",
		remedy: "Use a token of a role that the message names."},
	{code: codeSlowBody, status: http.StatusRequestTimeout, when: "The body did not come within server.limits.body_timeout.",
		remedy: "Send it faster, or raise the limit."},
	{code: codeNotFound, status: http.StatusNotFound, when: "There is no such route, profile, artifact or model.",
		remedy: "GET /openapi.json lists the routes, GET /v1/profiles the profiles.", codes: []profile.Code{profile.CodeNotFound}},
	{code: codeProfilingOff, status: http.StatusNotFound, when: "No profiler is configured.",
		remedy: "Set server.profilers in plugins.hcl, or serve with --profiler NAME.", codes: []profile.Code{profile.CodeOff}},
	{code: codeFlightOff, status: http.StatusNotFound, when: "There is no flight recorder to take a snapshot of.",
		remedy: "Add a block flight_recorder to plugins.hcl.", codes: []profile.Code{profile.CodeFlightOff}},
	{code: codeNotSupported, status: http.StatusNotFound, when: "The route is another server's, for what this model does not make.",
		remedy: "Use the routes that the message names."},
	{code: codeMethod, status: http.StatusMethodNotAllowed, when: "The path has no such method.",
		remedy: "Use one of the header Allow."},
	{code: codeProfileActive, status: http.StatusConflict, when: "Another profile is active, or this one is being worked on.",
		remedy: "Stop the profile that the message names, or wait for its end.", codes: []profile.Code{profile.CodeActive}},
	{code: codeNoActiveProfile, status: http.StatusConflict, when: "There is no profile to stop.",
		remedy: "Start one first.", codes: []profile.Code{profile.CodeNoActive}},
	{code: codePinLimit, status: http.StatusConflict, when: "As many profiles are pinned as the bounds on what is kept allow.",
		remedy: "Unpin one, or raise profile.keep or profile.max_total_bytes.", codes: []profile.Code{profile.CodePinLimit}},
	{code: codeRecordingGone, status: http.StatusGone, when: "The recording of the profile is not there any more.",
		remedy: "Use the artifacts that the profile has, or record again.", codes: []profile.Code{profile.CodeRecordingGone}},
	{code: codeTooLarge, status: http.StatusRequestEntityTooLarge, when: "The body is larger than server.max_body.",
		remedy: "Send less, or raise the limit."},
	{code: codeMediaType, status: http.StatusUnsupportedMediaType, when: "The Content-Type is not one that this route reads.",
		remedy: "Send the one that the message names."},
	{code: codeRange, status: http.StatusRequestedRangeNotSatisfiable, when: "The Range lies outside the file.",
		remedy: "Leave Range out to get it whole."},
	{code: codeMissingImage, status: http.StatusUnprocessableEntity, when: "An edit came without an image.",
		remedy: "Add a file part named `image`."},
	{code: codeRateLimited, status: http.StatusTooManyRequests, when: "The caller asks more often than the server allows, or too many do the same at once.",
		remedy: "Try again after the seconds in Retry-After."},
	{code: codeClientClosed, status: statusClientClosed, when: "The client went away. In the log and the metrics only: nobody reads the reply.",
		remedy: "Give the request more time on the client's side.", codes: []profile.Code{profile.CodeCancelled}},
	{code: codeInternal, status: http.StatusInternalServerError, when: "The server met an error of its own.",
		remedy: "Look for the request id in the server's log, and report it."},
	{code: codeModelFailed, status: http.StatusInternalServerError, when: "A rank failed while it served the request.",
		told: true, remedy: "Try again; the server's log has what the rank said.", is: isRankFailed},
	{code: codeProfilerFailed, status: http.StatusInternalServerError, when: "A profiler cannot start, or did not export.",
		told: true, remedy: "Do what its message says, then POST /v1/profiles/{id}/export, or start again without it.", codes: []profile.Code{profile.CodeProfilerFailed}},
	{code: codeProfileFailed, status: http.StatusInternalServerError, when: "A profile ended with errors; the reply of /stop_profile has the result beside the error.",
		remedy: "GET /v1/profiles/{id} shows what it has all the same."},
	{code: codePluginFailed, status: http.StatusInternalServerError, when: "A plugin that was to be restarted did not come up.",
		remedy: "Do what its message says, then restart it again; GET /v1/plugins shows its state."},
	{code: codeRecordingFailed, status: http.StatusInternalServerError, when: "A process cannot record.",
		told: true, remedy: "Look at the disk under profile.dir; the message names the process and what it said.", codes: []profile.Code{profile.CodeRecordingFailed}},
	{code: codeProfileDir, status: http.StatusInternalServerError, when: "The profile directory cannot be written or read.",
		remedy: "Set profile.dir to a folder that can be written.", codes: []profile.Code{profile.CodeDir}},
	{code: codeQueueFull, status: http.StatusServiceUnavailable, when: "Too many requests wait already, or those in flight hold as many bodies and pictures as the server keeps.",
		remedy: "Try again after the seconds in Retry-After.", is: as[*engine.QueueFullError]},
	{code: codeRankUnavailable, status: http.StatusServiceUnavailable, when: "A rank is loading, down or does not answer.",
		told: true, remedy: "Try again in some seconds; GET /ready tells when all are up.", codes: []profile.Code{profile.CodeRankUnavailable}, is: isRankDown},
	{code: codeShuttingDown, status: http.StatusServiceUnavailable, when: "The server is shutting down and takes nothing new.",
		remedy: "Try again after the seconds in Retry-After.", codes: []profile.Code{profile.CodeShuttingDown}, is: is(engine.ErrDraining)},
	{code: codeTokenUnreadable, status: http.StatusServiceUnavailable, when: "The server cannot read its token file.",
		remedy: "Make the file readable, with a token in it; the server's log says what is wrong."},
	{code: codeTimeout, status: http.StatusGatewayTimeout, when: "The request took longer than server.request_timeout allows.",
		remedy: "Ask for fewer steps or a smaller size, or raise the limit.", is: is(engine.ErrTimeout, context.DeadlineExceeded)},
	{code: codeNoSpace, status: http.StatusInsufficientStorage, when: "The disk under profile.dir has less free than profile.min_free_bytes, and no old profile can go.",
		remedy: "Delete or unpin profiles, or free the disk.", codes: []profile.Code{profile.CodeDiskFull}},
}

// as tells whether an error of type T is in err's chain.
func as[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// is tells whether one of the targets is in err's chain.
func is(targets ...error) isError {
	return func(err error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
}

func isBadRequest(err error) bool {
	_, ok := model.AsRequestError(err)
	return ok && !as[*engine.RankError](err)
}

func isRankFailed(err error) bool {
	var rank *engine.RankError
	return errors.As(err, &rank) && rank.Rank >= 0 && !isDown(err)
}

// isDown: the rank was not even asked.
func isDown(err error) bool {
	return errors.Is(err, catalog.ErrDown) || errors.Is(err, catalog.ErrBroken) || errors.Is(err, catalog.ErrRestarting)
}

// isRankDown: no rank of a stage is up, which is not the request's doing.
func isRankDown(err error) bool {
	var rank *engine.RankError
	return errors.As(err, &rank) && (rank.Rank < 0 || isDown(err))
}

// rowOf is the row of a code. A code without one is a defect, which a test finds, and is shown as the server's own error.
func rowOf(code string) *errorRow {
	for i := range errorTable {
		if errorTable[i].code == code {
			return &errorTable[i]
		}
	}
	return rowOf(codeInternal)
}

// typ is OpenAI's class of an error of this row.
func (row *errorRow) typ() string {
	switch s := row.status; {
	case s == http.StatusUnauthorized:
		return "authentication_error"
	case s == http.StatusForbidden:
		return "permission_error"
	case s == http.StatusTooManyRequests:
		return "rate_limit_error"
	case s >= 500:
		return "server_error"
	default:
		return "invalid_request_error"
	}
}

// domainRow is the row of an error of another package of core, or nil.
func domainRow(err error) *errorRow {
	e, isProfile := profile.AsError(err)
	for i := range errorTable {
		row := &errorTable[i]
		for _, code := range row.codes {
			if isProfile && e.Code == code {
				return row
			}
		}
		if !isProfile && row.is != nil && row.is(err) {
			return row
		}
	}
	return nil
}
