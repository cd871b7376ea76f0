package wire

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	modelv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/model/v1"
)

// StartCPUProfile has the plugin's process profile itself into a file that appears when it is complete. The error is
// [ErrCPUProfiling] when another one is being made.
func (c *Client) StartCPUProfile(ctx context.Context, path string, maxBytes int64) error {
	return c.call(ctx, "start CPU profile", c.timeouts.Record, func(ctx context.Context) error {
		_, err := modelv1.NewModelServiceClient(c.conn).StartCPUProfile(ctx, &modelv1.StartCPUProfileRequest{Path: path, MaxBytes: maxBytes})
		if status.Code(err) == codes.AlreadyExists {
			return ErrCPUProfiling
		}
		return err
	})
}

// StopCPUProfile completes the file.
func (c *Client) StopCPUProfile(ctx context.Context) error {
	return c.call(ctx, "stop CPU profile", c.timeouts.Record, func(ctx context.Context) error {
		_, err := modelv1.NewModelServiceClient(c.conn).StopCPUProfile(ctx, &modelv1.StopCPUProfileRequest{})
		return err
	})
}

// StartCPUProfile implements modelv1.ModelServiceServer.
func (s *modelServer) StartCPUProfile(_ context.Context, r *modelv1.StartCPUProfileRequest) (*modelv1.StartCPUProfileResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cpu.Abandon() // of a start that was given up
	s.cpu = nil
	p, err := StartCPUProfile(r.GetPath(), r.GetMaxBytes())
	switch {
	case errors.Is(err, ErrCPUProfiling):
		return nil, status.Error(codes.AlreadyExists, text(err.Error()))
	case err != nil:
		return nil, status.Error(codes.Internal, text(err.Error()))
	}
	s.cpu = p
	return &modelv1.StartCPUProfileResponse{}, nil
}

// StopCPUProfile implements modelv1.ModelServiceServer.
func (s *modelServer) StopCPUProfile(context.Context, *modelv1.StopCPUProfileRequest) (*modelv1.StopCPUProfileResponse, error) {
	s.mu.Lock()
	p := s.cpu
	s.cpu = nil
	s.mu.Unlock()
	if p == nil {
		return nil, status.Error(codes.FailedPrecondition, "no CPU profile is being made")
	}
	if err := p.Stop(); err != nil {
		return nil, status.Error(codes.FailedPrecondition, text(err.Error()))
	}
	return &modelv1.StopCPUProfileResponse{}, nil
}
