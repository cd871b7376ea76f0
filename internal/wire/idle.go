package wire

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/status"

	modelv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/model/v1"
)

// AwaitIdle returns when no Generate runs in the plugin. ctx bounds the wait. [ErrUnimplemented]: the plugin cannot tell.
func (c *Client) AwaitIdle(ctx context.Context, limit time.Duration) error {
	return c.call(ctx, "await the end of a cancelled request", limit, func(ctx context.Context) error {
		_, err := modelv1.NewModelServiceClient(c.conn).AwaitIdle(ctx, &modelv1.AwaitIdleRequest{})
		return err
	})
}

// AwaitIdle implements modelv1.ModelServiceServer: it takes a turn and gives it back.
func (s *modelServer) AwaitIdle(ctx context.Context, _ *modelv1.AwaitIdleRequest) (*modelv1.AwaitIdleResponse, error) {
	select {
	case <-s.turn:
		s.turn <- struct{}{}
		return &modelv1.AwaitIdleResponse{}, nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

// stallWatch ends a context when nothing has come for too long.
type stallWatch struct {
	limit time.Duration
	timer *time.Timer
}

// watchStalls makes a context that ends with [ErrStalled] when came is not called for limit; 0: never.
func watchStalls(ctx context.Context, limit time.Duration) (context.Context, *stallWatch, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &stallWatch{limit: limit}
	if limit > 0 {
		w.timer = time.AfterFunc(limit, func() {
			cancel(fmt.Errorf("%w: no step ended within %s (progress_timeout)", ErrStalled, limit))
		})
	}
	return ctx, w, func() {
		if w.timer != nil {
			w.timer.Stop()
		}
		cancel(context.Canceled)
	}
}

// came says that something has.
func (w *stallWatch) came() {
	if w.timer != nil {
		w.timer.Reset(w.limit)
	}
}

// Hung tells whether err says that the plugin's own code did not come back in time: what it holds it will not give up.
func Hung(err error) bool { return errors.Is(err, ErrTimeout) || errors.Is(err, ErrStalled) }
