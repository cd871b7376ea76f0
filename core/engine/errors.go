package engine

import (
	"errors"
	"fmt"
	"time"
)

// Errors of Generate besides *[model.RequestError], *[QueueFullError] and *[RankError]; test with errors.Is.
var (
	// ErrDraining: the server is going down.
	ErrDraining = errors.New("the server is shutting down and takes no new requests")
	// ErrTimeout: the request did not end within Options.Timeout.
	ErrTimeout = errors.New("the request took longer than the server allows")
)

// QueueFullError refuses a request because too many wait already.
type QueueFullError struct {
	Waiting int // requests that wait
	// RetryAfter is when to try again: about the time in which half of the queue will have been served, as recent
	// requests went; at least one second.
	RetryAfter time.Duration
}

func (e *QueueFullError) Error() string {
	return fmt.Sprintf("the queue is full: %d requests are waiting; try again in %v", e.Waiting, e.RetryAfter)
}

// RankError is a rank's fault: it is down, it failed, or what it answered cannot be used.
type RankError struct {
	Stage  string // the stage's name
	Rank   int    // the rank within the stage; -1: every rank of it
	Plugin string
	Err    error
}

func (e *RankError) Error() string {
	if e.Rank < 0 {
		return fmt.Sprintf("stage %q (plugin %s): no rank is up: %v", e.Stage, e.Plugin, e.Err)
	}
	return fmt.Sprintf("stage %q rank %d (plugin %s): %v", e.Stage, e.Rank, e.Plugin, e.Err)
}

// Unwrap is what the rank said.
func (e *RankError) Unwrap() error { return e.Err }

// DrainError says that Close ran out of time.
type DrainError struct {
	Cancelled int // requests that were still under way, and were cancelled
	Err       error
}

func (e *DrainError) Error() string {
	return fmt.Sprintf("wait for %d requests to end: %v; they were cancelled", e.Cancelled, e.Err)
}

// Unwrap is why Close stopped waiting.
func (e *DrainError) Unwrap() error { return e.Err }
