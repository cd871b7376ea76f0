package wire

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	modelv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/model/v1"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// StartFlight makes the process remember what happened last. f.Process is not sent: the plugin knows who it is.
func (c *Client) StartFlight(ctx context.Context, f trace.Flight) error {
	return c.call(ctx, "start flight recorder", c.timeouts.Record, func(ctx context.Context) error {
		_, err := modelv1.NewModelServiceClient(c.conn).StartFlight(ctx, &modelv1.StartFlightRequest{
			Dir: f.Dir, MaxBytes: f.MaxBytes, WindowNs: int64(f.Window)})
		return flightError(err)
	})
}

// StopFlight ends that.
func (c *Client) StopFlight(ctx context.Context) error {
	return c.call(ctx, "stop flight recorder", c.timeouts.Record, func(ctx context.Context) error {
		_, err := modelv1.NewModelServiceClient(c.conn).StopFlight(ctx, &modelv1.StopFlightRequest{})
		return flightError(err)
	})
}

// Snapshot keeps what the process remembers.
func (c *Client) Snapshot(ctx context.Context, s trace.Snapshot) (trace.SnapshotStats, error) {
	var st trace.SnapshotStats
	err := c.call(ctx, "snapshot", c.timeouts.Record, func(ctx context.Context) error {
		r, err := modelv1.NewModelServiceClient(c.conn).Snapshot(ctx, &modelv1.SnapshotRequest{Dir: s.Dir, Label: text(s.Label)})
		l := r.GetLost()
		st = trace.SnapshotStats{Segments: r.GetSegments(), Stats: trace.Stats{Events: r.GetEvents(), Bytes: r.GetBytes(),
			EventNs: fromPicos(r.GetEventCostPs()), Lost: lossesFrom(l)}}
		return flightError(err)
	})
	return st, err
}

// flightError gives the recorder's own errors back that callers test for.
func flightError(err error) error {
	switch status.Code(err) {
	case codes.AlreadyExists:
		return trace.ErrRecording
	case codes.FailedPrecondition:
		return trace.ErrNoFlight
	}
	return err
}

func flightStatus(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, trace.ErrRecording):
		return status.Error(codes.AlreadyExists, text(err.Error()))
	case errors.Is(err, trace.ErrNoFlight):
		return status.Error(codes.FailedPrecondition, text(err.Error()))
	}
	return status.Error(codes.Internal, text(err.Error()))
}

// StartFlight implements modelv1.ModelServiceServer.
func (s *modelServer) StartFlight(_ context.Context, r *modelv1.StartFlightRequest) (*modelv1.StartFlightResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loaded.Load() == nil {
		return nil, status.Error(codes.Internal, "the model is not loaded")
	}
	err := s.rec.StartFlight(trace.Flight{
		Dir: r.GetDir(), Process: s.process, MaxBytes: r.GetMaxBytes(), Window: time.Duration(r.GetWindowNs())})
	if err != nil {
		return nil, flightStatus(err)
	}
	s.flight = true
	s.beginSampling()
	return &modelv1.StartFlightResponse{}, nil
}

// StopFlight implements modelv1.ModelServiceServer.
func (s *modelServer) StopFlight(context.Context, *modelv1.StopFlightRequest) (*modelv1.StopFlightResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.rec.StopFlight(); err != nil {
		return nil, flightStatus(err)
	}
	s.flight = false
	if !s.rec.On() {
		s.endSampling()
	}
	return &modelv1.StopFlightResponse{}, nil
}

// Snapshot implements modelv1.ModelServiceServer.
func (s *modelServer) Snapshot(_ context.Context, r *modelv1.SnapshotRequest) (*modelv1.SnapshotResponse, error) {
	st, err := s.rec.Snapshot(trace.Snapshot{Dir: r.GetDir(), Label: r.GetLabel()})
	if err != nil {
		return nil, flightStatus(err)
	}
	l := st.Lost
	return &modelv1.SnapshotResponse{Segments: st.Segments, Events: st.Events, Bytes: st.Bytes, EventCostPs: toPicos(st.EventNs),
		Lost: toModelLosses(l)}, nil
}
