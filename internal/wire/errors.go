package wire

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of a launch, to be tested with errors.Is. What wraps them says the rest.
var (
	ErrInsidePlugin    = errors.New("plugins cannot be started from within a plugin")
	ErrNotFound        = errors.New("no such program")
	ErrNotExecutable   = errors.New("not executable")
	ErrChecksum        = errors.New("wrong checksum")
	ErrRuntimeDir      = errors.New("runtime_dir cannot be used")
	ErrCgroup          = errors.New("cgroup cannot be used")
	ErrStdout          = errors.New("printed to standard output before the handshake")
	ErrHandshake       = errors.New("wrong handshake")
	ErrProtocolVersion = errors.New("speaks another protocol version")
	ErrStartTimeout    = errors.New("not ready in time")
	ErrTimeout         = errors.New("no answer in time")
	ErrClosed          = errors.New("closed")
	ErrStartedAgain    = errors.New("a restart was asked for while the profile was open")
	ErrUnimplemented   = errors.New("not implemented by the plugin")
	ErrStalled         = errors.New("it makes no progress")
	ErrMemory          = errors.New("it used more memory than it may")
)

// Error is a plugin's error: which plugin, and what was being done.
type Error struct {
	Plugin string // "model(dit)", "profiler(chrome)"
	Op     string // "load", "generate"; empty when the error says it itself
	Err    error
}

func (e *Error) Error() string {
	if e.Op == "" {
		return e.Plugin + ": " + e.Err.Error()
	}
	return e.Plugin + ": " + e.Op + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// ExitError says that a plugin's process has ended though nobody asked it to.
type ExitError struct {
	PID    int
	Status string // "signal killed", "status 2"
	Last   string // the last lines of standard error when it looked like a crash; may be empty
	// Cause is why the host ended it: [ErrMemory], [ErrStalled] and the like; nil when it ended by itself.
	Cause error
}

// Unwrap is why the host ended it.
func (e *ExitError) Unwrap() error { return e.Cause }

func (e *ExitError) Error() string {
	if e.Cause != nil {
		return "ended by the server: " + e.Cause.Error()
	}
	s := "exited with " + e.Status
	if e.Last != "" {
		s += ": " + e.Last
	}
	return s
}

// PluginError is what a plugin's own code answered.
type PluginError struct{ Message string }

func (e *PluginError) Error() string { return e.Message }

// prefix is how every error about a plugin begins.
func prefix(kind, name string) string {
	if kind == "" {
		kind = "plugin"
	}
	return fmt.Sprintf("%s(%s)", kind, name)
}

// clip keeps an error's quote of foreign text short and on one line.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(strings.TrimSpace(s), "?")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
