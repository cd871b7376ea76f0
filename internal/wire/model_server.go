package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/strobe-dev/strobe/sdk/model"
	modelv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/model/v1"
	pluginv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/plugin/v1"
	"github.com/strobe-dev/strobe/sdk/trace"
	"github.com/strobe-dev/strobe/sdk/trace/procstat"
)

// modelServer serves one model in one process.
type modelServer struct {
	modelv1.UnimplementedModelServiceServer
	plugin *pluginServer
	model  model.Model
	log    *slog.Logger
	rec    *trace.Recorder
	turn   chan struct{} // holds one token: Generate runs one at a time, and not while Close does

	loaded atomic.Pointer[model.Session] // nil: there is none. Not under mu, lest a recording that hangs keep a Generate waiting

	mu      sync.Mutex // what is recorded
	process trace.Process
	sampler func()      // ends the sampling of this process; nil when nothing is recorded
	flight  bool        // the flight recorder is on
	cpu     *CPUProfile // nil: none is being made
	closed  bool
}

// NewModelService serves m.
func NewModelService(m model.Model, log *slog.Logger) Service {
	s := &modelServer{model: m, log: log, rec: trace.New(trace.Options{}), turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	prober, abilities := asProber(m)
	s.plugin = &pluginServer{log: log, prober: prober, end: s.finish, identity: func() identity {
		d := m.Describe()
		return identity{kind: pluginv1.Kind_KIND_MODEL, name: d.Name, version: d.Version, summary: d.Summary, config: d.Config,
			capabilities: append(abilities[:len(abilities):len(abilities)], pluginv1.Capability_CAPABILITY_RECORDING, pluginv1.Capability_CAPABILITY_CPU_PROFILE)}
	}}
	return s
}

func (s *modelServer) register(g *grpc.Server) {
	s.plugin.register(g)
	modelv1.RegisterModelServiceServer(g, s)
}

func (s *modelServer) title() string { return fmt.Sprintf("model plugin %q", s.model.Describe().Name) }

func (s *modelServer) block() string {
	return blockFor(KindModel, s.model.Describe().Name, os.Args[0])
}

// Load implements modelv1.ModelServiceServer.
func (s *modelServer) Load(ctx context.Context, r *modelv1.LoadRequest) (*modelv1.LoadResponse, error) {
	if err := s.plugin.ready(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.loaded.Load() != nil {
		return nil, status.Error(codes.FailedPrecondition, "the model is loaded or closed already")
	}
	rank := model.Rank{Model: r.GetModel(), Stage: int(r.GetStage()), StageName: r.GetStageName(), Rank: int(r.GetRank()), Replicas: int(r.GetReplicas())}
	session, err := s.model.Load(ctx, rank, s.rec)
	if err != nil {
		return nil, asStatus(ctx, err)
	}
	var info model.Info
	if i, ok := session.(model.Informer); ok {
		info = i.Info()
	}
	s.process = trace.Process{
		Kind: trace.ProcessModel, Name: s.model.Describe().Name, Model: rank.Model, Stage: rank.Stage, StageName: rank.StageName,
		Rank: rank.Rank, Synthetic: info.Synthetic,
	}
	s.loaded.Store(&session)
	return &modelv1.LoadResponse{Info: toInfo(info)}, nil
}

// Generate implements modelv1.ModelServiceServer.
func (s *modelServer) Generate(m *modelv1.GenerateRequest, stream grpc.ServerStreamingServer[modelv1.GenerateResponse]) error {
	ctx := stream.Context()
	req, err := requestFrom(m)
	if err != nil {
		return asStatus(ctx, model.BadRequest("image", "%v", err))
	}
	select {
	case <-s.turn:
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
	defer func() { s.turn <- struct{}{} }()
	session := s.loaded.Load()
	if session == nil {
		return status.Error(codes.FailedPrecondition, "the model is not loaded")
	}
	result, err := (*session).Generate(ctx, req, func(p model.Progress) {
		// A send that fails means that the caller has gone; ctx then says so within the step.
		_ = stream.Send(&modelv1.GenerateResponse{Kind: &modelv1.GenerateResponse_Progress{
			Progress: &modelv1.Progress{Step: int32(p.Step), Steps: int32(p.Steps)}}})
	})
	if err != nil {
		return asStatus(ctx, err)
	}
	return sendResult(stream, result)
}

// sendResult sends each image as a message of its own, so that the message limit is per image, then the rest.
func sendResult(stream grpc.ServerStreamingServer[modelv1.GenerateResponse], r *model.Result) error {
	if r == nil {
		return status.Error(codes.Internal, "the model returned neither a result nor an error")
	}
	for _, i := range r.Images {
		m := toImage(i)
		if _, err := imageFrom(m); err != nil {
			return status.Errorf(codes.Internal, "the model made %v", err)
		}
		if err := stream.Send(&modelv1.GenerateResponse{Kind: &modelv1.GenerateResponse_Image{Image: m}}); err != nil {
			return err
		}
	}
	return stream.Send(&modelv1.GenerateResponse{Kind: &modelv1.GenerateResponse_Result{Result: toResult(r)}})
}

// StartRecording implements modelv1.ModelServiceServer.
func (s *modelServer) StartRecording(_ context.Context, r *modelv1.StartRecordingRequest) (*modelv1.StartRecordingResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loaded.Load() == nil {
		return nil, status.Error(codes.FailedPrecondition, "the model is not loaded")
	}
	err := s.rec.Start(trace.Start{Path: r.GetPath(), Process: s.process, MaxBytes: r.GetMaxBytes(),
		Categories: trace.Categories(r.GetCategories()), Control: trace.Control(r.GetControl())})
	switch {
	case errors.Is(err, trace.ErrRecording):
		return nil, status.Error(codes.AlreadyExists, text(err.Error()))
	case err != nil:
		return nil, status.Error(codes.Internal, text(err.Error()))
	}
	s.beginSampling()
	return &modelv1.StartRecordingResponse{Notes: notesFrom(s.rec.Notes())}, nil
}

// StopRecording implements modelv1.ModelServiceServer.
func (s *modelServer) StopRecording(context.Context, *modelv1.StopRecordingRequest) (*modelv1.StopRecordingResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.flight {
		s.endSampling()
	}
	stats, err := s.rec.Stop()
	switch {
	case errors.Is(err, trace.ErrNotRecording):
		return nil, status.Error(codes.FailedPrecondition, text(err.Error()))
	case err != nil:
		return nil, status.Error(codes.Internal, text(err.Error()))
	}
	l := stats.Lost
	return &modelv1.StopRecordingResponse{Events: stats.Events, Bytes: stats.Bytes, Lost: toModelLosses(l), EventCostPs: toPicos(stats.EventNs), Notes: notesFrom(stats.Notes)}, nil
}

// sampleProcess records what this process costs until the function that it returns is called.
func sampleProcess(rec *trace.Recorder) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		procstat.Run(ctx, rec)
	}()
	return func() { cancel(); <-done }
}

func (s *modelServer) beginSampling() {
	if s.sampler == nil {
		s.sampler = sampleProcess(s.rec)
	}
}

func (s *modelServer) endSampling() {
	if s.sampler != nil {
		s.sampler()
		s.sampler = nil
	}
}

// finish closes the session when the generation that runs has ended, then the recorder.
func (s *modelServer) finish(ctx context.Context) {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return // the model hangs, and the process's end is next
	}
	defer func() { s.turn <- struct{}{} }()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	if session := s.loaded.Swap(nil); session != nil {
		if err := (*session).Close(); err != nil {
			s.log.Warn("close model", "error", err.Error())
		}
	}
	s.endSampling()
	s.cpu.Abandon()
	if err := s.rec.Close(); err != nil {
		s.log.Warn("close recorder", "error", err.Error())
	}
}

// asStatus turns an author's error into one that crosses the wire.
func asStatus(ctx context.Context, err error) error {
	if e := ctx.Err(); e != nil && (errors.Is(err, e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return status.FromContextError(e).Err()
	}
	if r, ok := model.AsRequestError(err); ok {
		s := status.New(codes.InvalidArgument, text(r.Error()))
		if with, e := s.WithDetails(&modelv1.RequestError{Field: text(r.Field), Message: text(r.Message)}); e == nil {
			s = with
		}
		return s.Err()
	}
	return status.Error(codes.Unknown, text(err.Error()))
}
