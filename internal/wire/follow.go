package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/strobe-dev/strobe/sdk/profiler"
	profilerv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/profiler/v1"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/recording/summary"
)

// Between looks at a growing recording: often while events come, seldom while nothing does.
const (
	pollBusy = 50 * time.Millisecond
	pollIdle = 250 * time.Millisecond
)

// export is one open profile: a goroutine that follows the recording and is the only one to call the sink.
type export struct {
	profile profiler.Profile
	dir     string // of the segments
	since   int64  // what was over before is left out, Unix ns; 0 for nothing
	sink    profiler.Sink
	source  *source // nil: the profiler does not measure

	ctx    context.Context // ends the goroutine
	cancel context.CancelCauseFunc
	ask    chan finishing // at most one
	reply  chan *profilerv1.FinishResponse
	done   chan struct{}

	// Only the goroutine uses these.
	failed error  // the sink's first error
	warned string // the reader's last error that was logged
	table  summary.Aggregator
	pace   *pace // nil: somebody waits
}

// finishing is what Finish brings.
type finishing struct {
	ctx      context.Context
	stopped  time.Time
	segments []string
}

var errAborted = errors.New("the profile was abandoned")

func newExport(p profiler.Profile, dir string, since int64, sink profiler.Sink, measuring *source) *export {
	e := &export{profile: p, dir: dir, since: since, sink: sink, source: measuring, ask: make(chan finishing, 1), reply: make(chan *profilerv1.FinishResponse, 1), done: make(chan struct{})}
	e.ctx, e.cancel = context.WithCancelCause(context.Background())
	if os.Getenv(envBackground) != "" {
		e.pace = newPace()
	}
	go e.run()
	return e
}

// over tells whether the goroutine has ended.
func (e *export) over() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// run follows until Finish or Abort.
func (e *export) run() {
	defer close(e.done)
	defer e.cancel(nil)
	f := recording.Follow(e.dir, recording.Options{Since: e.since, Filter: e.profile.Filter})
	defer f.Close()
	timer := time.NewTimer(pollBusy)
	defer timer.Stop()
	for {
		select {
		case <-e.ctx.Done():
			e.abandon()
			return
		case r := <-e.ask:
			e.reply <- e.complete(f, r)
			return
		case <-timer.C:
			timer.Reset(e.poll(f))
		}
	}
}

// poll reads what is there and says how long to wait. A reader's error is not final: the file may be half made.
func (e *export) poll(f *recording.Follower) time.Duration {
	n, err := f.Poll(e.ctx, e.deliver)
	if err != nil && e.ctx.Err() == nil {
		if e.warned != err.Error() {
			e.warned = err.Error()
			e.profile.Log.Warn("follow recording", "error", e.warned)
		}
		return pollIdle
	}
	if n == 0 {
		return pollIdle
	}
	return pollBusy
}

// deliver gives a batch to the table and to the sink. After the sink's first error only the table goes on.
func (e *export) deliver(b *recording.Batch) error {
	e.table.Add(b)
	if e.failed == nil {
		e.failed = e.guard("consume", func() error { return e.sink.Consume(e.ctx, b) })
	}
	if e.pace != nil {
		e.pace.wait(e.ctx)
	}
	return nil
}

// guard runs the author's code in this goroutine, where gRPC's recoverer does not reach.
func (e *export) guard(op string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			e.profile.Log.Error("panic in a profiler", "op", op, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	if err := f(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// complete reads the rest and lets the sink finish, in any case: it may have files to close.
func (e *export) complete(f *recording.Follower, r finishing) *profilerv1.FinishResponse {
	stop := context.AfterFunc(r.ctx, func() { e.cancel(context.Cause(r.ctx)) })
	defer stop()
	e.endSource()
	processes, err := f.Finish(e.ctx, e.deliver, r.segments...)
	e.table.AddLosses(processes)
	problems := []error{e.failed}
	if err != nil {
		problems = append(problems, fmt.Errorf("read recording: %w", err))
	}
	var made []profiler.Artifact
	problems = append(problems, e.guard("finish", func() (err error) {
		made, err = e.sink.Finish(e.ctx, profiler.Summary{Stopped: r.stopped, Processes: processes})
		return err
	}))
	made, err = checkArtifacts(e.profile.Dir, made)
	problems = append(problems, err)
	reply := &profilerv1.FinishResponse{Artifacts: toArtifacts(made), Processes: toProcesses(processes)}
	if reply.TableJson, err = json.Marshal(e.table.Table()); err != nil {
		problems = append(problems, fmt.Errorf("make table: %w", err))
	}
	if w, ok := e.sink.(profiler.Warner); ok {
		reply.Warnings = e.warnings(w)
	}
	if err := errors.Join(problems...); err != nil {
		reply.Error = text(err.Error())
	}
	return reply
}

// warnings are the sink's. One that panics here has said nothing.
func (e *export) warnings(w profiler.Warner) (list []string) {
	_ = e.guard("warn", func() error {
		for _, s := range w.Warnings() {
			list = append(list, text(s))
		}
		return nil
	})
	return list
}

// endSource completes the profiler's own segment, if nobody did yet.
func (e *export) endSource() {
	if e.source != nil {
		e.source.stop()
	}
}

// abandon lets the sink remove what it wrote, if it knows how.
func (e *export) abandon() {
	e.endSource()
	a, ok := e.sink.(profiler.Aborter)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), abortWait)
	defer cancel()
	if err := e.guard("abort", func() error { return a.Abort(ctx) }); err != nil {
		e.profile.Log.Warn("abort profile", "error", err.Error())
	}
}

// finish asks the goroutine to complete and waits as long as ctx lets it: a sink that hangs costs the caller its
// deadline, never more.
func (e *export) finish(ctx context.Context, r finishing) (*profilerv1.FinishResponse, error) {
	r.ctx = ctx
	select {
	case e.ask <- r:
	default:
		return nil, status.Error(codes.FailedPrecondition, "the profile is being finished already")
	}
	if s, ok := e.sink.(profiler.Stopper); ok {
		_ = e.guard("stop", func() error { s.Stopping(ctx); return nil })
	}
	select {
	case reply := <-e.reply:
		return reply, nil
	case <-e.done:
		select {
		case reply := <-e.reply:
			return reply, nil
		default:
			return nil, status.Error(codes.FailedPrecondition, errAborted.Error())
		}
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

// abort ends the goroutine and waits for it.
func (e *export) abort(ctx context.Context) error {
	e.cancel(errAborted)
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		return status.Errorf(codes.DeadlineExceeded, "the profiler does not return from a call")
	}
}
