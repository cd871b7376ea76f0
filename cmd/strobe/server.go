//go:build !windows

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/strobe-dev/strobe/core/catalog"
	"github.com/strobe-dev/strobe/core/config"
	"github.com/strobe-dev/strobe/core/engine"
	"github.com/strobe-dev/strobe/core/httpapi"
	"github.com/strobe-dev/strobe/core/profile"
	"github.com/strobe-dev/strobe/core/telemetry"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// Deadlines of a server's end, one after the other.
const (
	drainLimit  = 30 * time.Second // requests in flight
	finishLimit = 60 * time.Second // a profile that is still running
	closeLimit  = 10 * time.Second // plugins
)

// wrapHandler stands before the API; tests look there at what is answered.
var wrapHandler = func(h http.Handler) http.Handler { return h }

// server is a core that serves. Its parts are made in this order and closed in reverse.
type server struct {
	log       *slog.Logger
	entrances []*entrance // server.listen first
	failed    chan error  // how serving on each of them ended
	recorder  *trace.Recorder
	catalog   *catalog.Catalog
	engine    *engine.Engine
	profiles  *profile.Manager     // nil when profiling is off
	telemetry *telemetry.Telemetry // nil: the server's own requests are not traced
}

// newServer listens and loads everything that cfg names, and answers meanwhile that it does. On error nothing is left running.
func newServer(ctx context.Context, cfg *config.Config, log *slog.Logger) (_ *server, err error) {
	s := &server{log: log, recorder: trace.New(trace.Options{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(context.WithoutCancel(ctx)))
		}
	}()
	if s.entrances, err = listen(cfg, log); err != nil {
		return nil, err
	}
	s.begin(apiLimits(cfg.Server.Limits))
	if s.catalog, err = catalog.Load(ctx, cfg, catalogOptions(log)); err != nil {
		return nil, err
	}
	if len(cfg.Server.Profilers) > 0 {
		if s.profiles, err = profile.New(s.profileOptions(cfg)); err != nil {
			return nil, err
		}
	}
	metrics := httpapi.NewMetrics()
	s.engine = engine.New(cfg.Server.Model, engineStages(s.catalog), engine.Options{
		QueueSize: cfg.Server.QueueSize,
		Timeout:   cfg.Server.RequestTimeout,
		Recorder:  s.recorder,
		Observer:  s.observer(metrics),
		Log:       log,
	})
	api := httpapi.Options{
		Engine:           s.engine,
		Recorder:         s.recorder,
		Metrics:          metrics,
		Version:          buildVersion(),
		Log:              log,
		AllowedHosts:     append(listenHosts(cfg), cfg.Server.AllowedHosts...),
		Limits:           apiLimits(cfg.Server.Limits),
		ControlTokenFile: cfg.Server.ControlTokenFile,
		ControlToken:     os.Getenv(envControlToken),
		ReadTokenFile:    cfg.Server.ReadTokenFile,
		ReadToken:        os.Getenv(envReadToken),
		APIKeyFile:       cfg.Server.APIKeyFile,
		APIKey:           os.Getenv(envAPIKey),
		MaxBodyBytes:     cfg.Server.MaxBodyBytes,
		AccessLog:        accessLog(cfg.Server.AccessLog),
		SampleEvery:      cfg.Profile.SampleEvery,
	}
	api.Plugins = s.catalog
	if s.profiles != nil { // an interface that holds a nil pointer is not nil
		api.Profiles = s.profiles
	}
	handler := httpapi.New(api)
	if err = handler.CheckTokens(); err != nil {
		return nil, err
	}
	if s.telemetry, err = newTelemetry(ctx, cfg, log); err != nil {
		return nil, err
	}
	for _, e := range s.entrances {
		e.http.RegisterOnShutdown(handler.EndStreams)
		e.gate.open(wrapHandler(s.telemetry.Handler(handler.On(e.exposure))))
	}
	return s, nil
}

func (s *server) profileOptions(cfg *config.Config) profile.Options {
	o := profile.Options{
		Dir:         cfg.Profile.Dir,
		MaxDuration: cfg.Profile.MaxDuration,
		MaxBytes:    cfg.Profile.MaxBytes,
		Keep:        cfg.Profile.Keep,

		MaxTotalBytes: cfg.Profile.MaxTotalBytes,
		MaxAge:        cfg.Profile.MaxAge,
		MinFreeBytes:  cfg.Profile.MinFreeBytes,

		Model:         cfg.Server.Model,
		RecordPrompts: cfg.Profile.RecordPrompts,

		Core:      profile.NewLocal(s.recorder),
		Exporter:  func(name string) (profile.Exporter, error) { return s.catalog.Profiler(name) },
		Offline:   func(name string) (profile.Exporter, error) { return s.catalog.Offline(name) },
		Profilers: cfg.Server.Profilers,
		Log:       s.log,
		ShowDir:   true, // the API hides paths from those who may not know them
	}
	if cfg.Profile.Control == config.ControlCUDAProfiler {
		o.Control = trace.ControlCUDAProfiler
	}
	if f := cfg.FlightRecorder; f != nil {
		o.Flight = &profile.Flight{Window: f.Window, MaxBytes: f.MaxBytes, Keep: f.Keep}
		for _, t := range f.Triggers {
			o.Flight.Triggers = append(o.Flight.Triggers, profile.Trigger{
				Kind: t.Kind, SlowerThan: t.SlowerThan, Factor: t.Factor, After: t.After, MinInterval: t.MinInterval})
		}
	}
	for _, stage := range s.catalog.Stages() {
		for _, rank := range stage.Ranks {
			o.Ranks = append(o.Ranks, rank)
		}
	}
	return o
}

// accessLog is the level that the configuration names.
func accessLog(name string) slog.Level {
	switch name {
	case config.AccessLogDebug:
		return slog.LevelDebug
	case config.AccessLogWarn:
		return slog.LevelWarn
	case config.AccessLogOff:
		return httpapi.AccessLogOff
	}
	return slog.LevelInfo
}

// observer tells the metrics of each request, and the flight recorder's triggers.
type observer struct {
	metrics  engine.Observer
	profiles *profile.Manager
}

// OnRequest implements [engine.Observer].
func (o observer) OnRequest(r engine.Report) {
	o.metrics.OnRequest(r)
	outcome := profile.OutcomeOther
	switch r.Outcome {
	case engine.OutcomeOK:
		outcome = profile.OutcomeOK
	case engine.OutcomeFailed, engine.OutcomeTimeout:
		outcome = profile.OutcomeFailed
	}
	o.profiles.ObserveRequest(profile.Request{Total: r.Total, Outcome: outcome, Why: string(r.Outcome)})
}

// OnSteps implements [engine.StepObserver].
func (o observer) OnSteps(stage, steps int) { o.profiles.CountSteps(stage, steps) }

// observer is who hears of requests: the metrics, and the flight recorder's triggers.
func (s *server) observer(metrics engine.Observer) engine.Observer {
	if s.profiles == nil {
		return metrics
	}
	return observer{metrics, s.profiles}
}

// engineStages shows the catalog's ranks to the engine.
func engineStages(c *catalog.Catalog) []engine.Stage {
	var stages []engine.Stage
	for _, s := range c.Stages() {
		stage := engine.Stage{Index: s.Index, Name: s.Name, Plugin: s.Plugin, Info: s.Info}
		for _, rank := range s.Ranks {
			stage.Ranks = append(stage.Ranks, rank)
		}
		stages = append(stages, stage)
	}
	return stages
}

// serve answers until ctx ends, then drains: a running profile is finished, requests in flight are answered.
func (s *server) serve(ctx context.Context) error {
	select {
	case err := <-s.failed:
		return errors.Join(err, s.close(context.WithoutCancel(ctx)))
	case <-ctx.Done():
		s.log.Info("stopping", "reason", context.Cause(ctx).Error())
		return s.close(context.WithoutCancel(ctx))
	}
}

// close ends everything, what was made last first. It is safe on a server that was made only in part.
func (s *server) close(ctx context.Context) error {
	var errs []error
	within := func(d time.Duration, f func(context.Context) error) {
		bounded, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		if err := f(bounded); err != nil {
			errs = append(errs, err)
		}
	}
	within(drainLimit, s.drain)
	if s.profiles != nil {
		within(finishLimit, s.profiles.Close)
	}
	if s.engine != nil {
		within(drainLimit, s.engine.Close)
	}
	if s.catalog != nil {
		within(closeLimit, s.catalog.Close)
	}
	if err := s.telemetry.Close(ctx); err != nil { // the backend's trouble is no failure of the server's
		s.log.Warn("telemetry", "error", err)
	}
	closeAll(s.entrances)
	errs = append(errs, s.recorder.Close())
	return errors.Join(errs...)
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// listenHosts are the names that listening addresses hold, which the server answers to: none for an address of all interfaces.
func listenHosts(cfg *config.Config) []string {
	addresses := []string{cfg.Server.Listen}
	if a := cfg.Server.Admin; a != nil {
		addresses = append(addresses, a.Listen)
	}
	var hosts []string
	for _, address := range addresses {
		if host, _, err := net.SplitHostPort(address); err == nil && host != "" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}
