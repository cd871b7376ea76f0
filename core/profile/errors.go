package profile

import (
	"errors"
	"fmt"
	"strings"
)

// Code says what kind of thing went wrong. Codes are stable; package httpapi maps them to a status.
type Code string

// Codes.
const (
	CodeActive          Code = "profile_active"      // one profile at a time; ID names the active one
	CodeNoActive        Code = "no_active_profile"   // nothing to stop
	CodeOff             Code = "profiling_off"       // no profiler is configured
	CodeNotFound        Code = "not_found"           // no such profile, artifact or summary
	CodeInvalid         Code = "invalid"             // Param names the value
	CodeRankUnavailable Code = "rank_unavailable"    // a rank is down or does not answer
	CodeRecordingFailed Code = "recording_failed"    // a process cannot record
	CodeProfilerFailed  Code = "profiler_failed"     // a profiler cannot start
	CodeRecordingGone   Code = "recording_gone"      // there is no segment to export
	CodeFlightOff       Code = "flight_recorder_off" // nothing is remembered
	CodeDir             Code = "profile_dir"         // the profile directory cannot be written
	CodeDiskFull        Code = "disk_full"           // less room than Options.MinFreeBytes
	CodePinLimit        Code = "pin_limit"           // as many profiles are pinned as the bounds allow
	CodeShuttingDown    Code = "shutting_down"       // the server takes no new profiles
	CodeCancelled       Code = "cancelled"           // the caller went away before the profile had started
)

// Error is what the manager's methods return.
type Error struct {
	Code    Code
	Message string // for the caller, with what to do about it
	Param   string // the request's field, when the caller's value is wrong
	ID      string // the profile that the error is about, if there is one
	// Culprits are the processes and profilers that failed, when several may have.
	Culprits []Culprit
	Err      error // the cause; may be nil
}

// Culprit is a process or profiler that failed.
type Culprit struct {
	Name string // "stage_0_diffusion_rank0", "core", "chrome"
	Err  error
}

func (e *Error) Error() string { return e.Message }

// Unwrap gives the causes.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	for _, c := range e.Culprits {
		errs = append(errs, c.Err)
	}
	return errs
}

// AsError finds an Error in err's chain.
func AsError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

func invalid(param, format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Param: param, Message: param + ": " + fmt.Sprintf(format, args...)}
}

func notFound(id string) *Error {
	return &Error{Code: CodeNotFound, Param: "id", ID: id, Message: fmt.Sprintf("there is no profile %q; list them to see which there are", id)}
}

func noActive() *Error {
	return &Error{Code: CodeNoActive, Message: "no profile is active; start one first"}
}

// dirError is about the folder that profiles are kept in, or one in it.
func dirError(doing string, err error) *Error {
	return &Error{Code: CodeDir, Param: "profile.dir", Err: err,
		Message: fmt.Sprintf("%s: %v; set profile.dir (or --profile-dir) to a folder that can be written", doing, err)}
}

// culpritText is one failure: "name: what happened", once.
func culpritText(c Culprit) string {
	text := c.Err.Error()
	if strings.HasPrefix(text, "profiler("+c.Name+")") || strings.HasPrefix(text, c.Name+":") {
		return text
	}
	return c.Name + ": " + text
}

func culpritsText(cs []Culprit) string {
	texts := make([]string, len(cs))
	for i, c := range cs {
		texts[i] = culpritText(c)
	}
	return strings.Join(texts, "; ")
}
