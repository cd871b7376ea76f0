package profiler

import "context"

// Stopper is an optional companion of [Sink], for one that may wait in Consume for somebody else, such as a server.
type Stopper interface {
	// Stopping is called once, when the recording has ended and Finish is asked for, from another goroutine than the sink's and
	// perhaps in the middle of a Consume: what is left to read is read, and Finish called, only when that returns. ctx is the
	// asking call's: by its deadline Finish must have returned. It may be kept until then. Stopping returns at once.
	Stopping(ctx context.Context)
}

// Warner is an optional companion of [Sink], for one that has something to say beside its artifacts.
type Warner interface {
	// Warnings are sentences for the user, asked for once, after Finish, whether that failed or not.
	Warnings() []string
}
