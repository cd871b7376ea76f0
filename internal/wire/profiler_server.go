package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/strobe-dev/strobe/sdk/profiler"
	pluginv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/plugin/v1"
	profilerv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/profiler/v1"
)

// abortWait bounds how long Abort waits for a sink that is in the middle of a batch.
const abortWait = 5 * time.Second

// profilerServer serves one profiler in one process.
type profilerServer struct {
	profilerv1.UnimplementedProfilerServiceServer
	plugin      *pluginServer
	profiler    profiler.Profiler
	description profiler.Description
	log         *slog.Logger

	mu     sync.Mutex
	open   *export // the profile that is open; nil when none is
	source *source // of the last profile for which there was one
	closed bool
}

// NewProfilerService serves p.
func NewProfilerService(p profiler.Profiler, d profiler.Description, log *slog.Logger) Service {
	s := &profilerServer{profiler: p, description: d, log: log}
	prober, abilities := asProber(p)
	if _, ok := p.(profiler.ProfilerWithSource); ok {
		abilities = append(abilities, pluginv1.Capability_CAPABILITY_SOURCE)
	}
	s.plugin = &pluginServer{log: log, prober: prober, end: s.finish, identity: func() identity {
		return identity{kind: pluginv1.Kind_KIND_PROFILER, name: d.Name, version: d.Version, summary: d.Summary, config: d.Config, capabilities: abilities}
	}}
	return s
}

func (s *profilerServer) register(g *grpc.Server) {
	s.plugin.register(g)
	profilerv1.RegisterProfilerServiceServer(g, s)
}

func (s *profilerServer) title() string { return fmt.Sprintf("profiler plugin %q", s.description.Name) }

func (s *profilerServer) block() string {
	return blockFor(KindProfiler, s.description.Name, os.Args[0])
}

// Open implements profilerv1.ProfilerServiceServer.
func (s *profilerServer) Open(ctx context.Context, r *profilerv1.OpenRequest) (*profilerv1.OpenResponse, error) {
	if err := s.plugin.ready(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, status.Error(codes.FailedPrecondition, "the profiler is closed")
	}
	if s.open != nil {
		if !s.open.over() {
			return nil, status.Errorf(codes.FailedPrecondition, "profile %s is still open", s.open.profile.ID)
		}
		s.open = nil
	}
	p := profiler.Profile{
		ID: r.GetId(), Dir: r.GetDir(), Model: r.GetModel(), Label: r.GetLabel(), Started: time.Unix(0, r.GetStartedUnixNs()).UTC(),
		MaxBytes: r.GetMaxBytes(), Host: r.GetHost(), Processes: recordedFrom(r.GetProcesses()), Filter: filterFrom(r.GetFilter()),
		Previous: r.GetPreviousDir(), Log: s.log.With("profile", r.GetId()),
	}
	measurer, ok := s.profiler.(profiler.ProfilerWithSource)
	var measuring *source
	if ok && r.GetSource() != nil { // before there is a sink that would have to be ended should it not work
		var err error
		if measuring, err = newSource(r.GetSource(), r.GetModel(), p.Log); err != nil {
			return nil, status.Error(codes.Internal, text(err.Error()))
		}
	}
	sink, err := s.openSink(ctx, p)
	if err != nil {
		if measuring != nil {
			err = errors.Join(err, measuring.rec.Close())
		}
		return nil, asStatus(ctx, err)
	}
	if measuring != nil {
		measuring.run(measurer, s.source)
		s.source = measuring
	}
	s.open = newExport(p, r.GetRecordingDir(), r.GetSinceUnixNs(), sink, measuring)
	return &profilerv1.OpenResponse{}, nil
}

func (s *profilerServer) openSink(ctx context.Context, p profiler.Profile) (profiler.Sink, error) {
	sink, err := s.profiler.Open(ctx, p)
	if err == nil && sink == nil {
		err = errors.New("the profiler returned neither a sink nor an error")
	}
	return sink, err
}

// StopSource implements profilerv1.ProfilerServiceServer.
func (s *profilerServer) StopSource(context.Context, *profilerv1.StopSourceRequest) (*profilerv1.StopSourceResponse, error) {
	e := s.current()
	if e == nil || e.source == nil {
		return nil, status.Error(codes.FailedPrecondition, "nothing is being measured")
	}
	return e.source.stop(), nil
}

// Finish implements profilerv1.ProfilerServiceServer.
func (s *profilerServer) Finish(ctx context.Context, r *profilerv1.FinishRequest) (*profilerv1.FinishResponse, error) {
	e := s.current()
	if e == nil {
		return nil, status.Error(codes.FailedPrecondition, "no profile is open")
	}
	reply, err := e.finish(ctx, finishing{stopped: time.Unix(0, r.GetStoppedUnixNs()).UTC(), segments: r.GetSegments()})
	if err != nil {
		return nil, err
	}
	s.release(e)
	return reply, nil
}

// Abort implements profilerv1.ProfilerServiceServer.
func (s *profilerServer) Abort(ctx context.Context, _ *profilerv1.AbortRequest) (*profilerv1.AbortResponse, error) {
	e := s.current()
	if e == nil {
		return &profilerv1.AbortResponse{}, nil
	}
	if err := e.abort(ctx); err != nil {
		return nil, err
	}
	s.release(e)
	return &profilerv1.AbortResponse{}, nil
}

func (s *profilerServer) current() *export {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

func (s *profilerServer) release(e *export) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == e {
		s.open = nil
	}
}

// finish abandons what is open.
func (s *profilerServer) finish(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	e := s.open
	s.open = nil
	s.mu.Unlock()
	if e == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, abortWait)
	defer cancel()
	if err := e.abort(ctx); err != nil {
		s.log.Warn("abort profile", "profile", e.profile.ID, "error", err.Error())
	}
}
