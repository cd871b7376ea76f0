//go:build !windows

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/strobe-dev/strobe/core/config"
	"github.com/strobe-dev/strobe/core/httpapi"
)

// Tokens that come by the environment. They are never handed to plugins.
const (
	envControlToken = "STROBE_CONTROL_TOKEN"
	envReadToken    = "STROBE_READ_TOKEN"
	envAPIKey       = "STROBE_API_KEY"
)

// envTokens says which tokens the environment gives.
func envTokens() config.EnvTokens {
	given := func(name string) bool { return os.Getenv(name) != "" }
	return config.EnvTokens{Control: given(envControlToken), Read: given(envReadToken), APIKey: given(envAPIKey)}
}

// entrance is one listener and, once made, the server on it.
type entrance struct {
	name     string // as the configuration calls it
	url      string
	listener net.Listener
	exposure httpapi.Exposure
	tls      *tls.Config // nil: plain HTTP
	http     *http.Server
	gate     *gate
}

// gate is the handler of a listener: at first one that says that the model is being loaded.
type gate struct{ handler atomic.Pointer[http.Handler] }

func newGate() *gate {
	g := &gate{}
	g.open(httpapi.Loading())
	return g
}

func (g *gate) open(h http.Handler) { g.handler.Store(&h) }

// ServeHTTP implements [http.Handler].
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) { (*g.handler.Load()).ServeHTTP(w, r) }

// listen opens every listener of the configuration, server.listen first. On error none is left open.
func listen(cfg *config.Config, log *slog.Logger) (all []*entrance, err error) {
	defer func() {
		if err != nil {
			closeAll(all)
			all = nil
		}
	}()
	var certificates *tls.Config
	if t := cfg.Server.TLS; t != nil {
		pair, err := httpapi.LoadCertificate(t.Cert, t.Key, log)
		if err != nil {
			return nil, err
		}
		certificates = pair.Config()
	}
	limits := httpapi.ConnLimits{Total: cfg.Server.Limits.Connections, PerClient: cfg.Server.Limits.ConnectionsPerClient, Log: log}
	open := func(name, address string, public bool) error {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("listen on %s: %w%s", name, err, listenAdvice(err))
		}
		scheme := "http"
		if certificates != nil {
			scheme = "https"
		}
		all = append(all, &entrance{name: name, url: scheme + "://" + l.Addr().String(), listener: httpapi.LimitConns(l, limits),
			exposure: httpapi.Exposure{Loopback: isLoopback(l.Addr()), Public: public}, tls: certificates})
		return nil
	}
	admin := cfg.Server.Admin
	if err := open("server.listen", cfg.Server.Listen, admin != nil); err != nil || admin == nil {
		return all, err
	}
	if path := admin.Socket(); path != "" {
		l, err := httpapi.ListenUnix(path)
		if err != nil {
			return all, fmt.Errorf("server.admin: %w", err)
		}
		all = append(all, &entrance{name: "server.admin", url: "unix://" + path, listener: l, exposure: httpapi.Exposure{Loopback: true, Socket: true}})
		return all, nil
	}
	return all, open("server.admin", admin.Listen, false)
}

// listenAdvice says what to do when an address cannot be listened on.
func listenAdvice(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return ": another program listens there, a strobe serve perhaps; stop it, or choose another port with --listen or in plugins.hcl (port 0 takes a free one)"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return ": this machine has no such address; choose one of its own, or 127.0.0.1"
	case errors.Is(err, syscall.EACCES):
		return ": choose a port from 1024 on, or let a proxy take this one"
	}
	return ""
}

// begin answers on every listener: that the model is being loaded.
func (s *server) begin(limits httpapi.Limits) {
	s.failed = make(chan error, len(s.entrances))
	for _, e := range s.entrances {
		e.gate = newGate()
		e.http = httpapi.NewHTTPServer(e.gate, limits, e.tls, s.log)
		go func() { s.failed <- e.serve() }()
	}
}

// serve answers on the listener until the server is shut down.
func (e *entrance) serve() error {
	var err error
	if e.tls != nil {
		err = e.http.ServeTLS(e.listener, "", "")
	} else {
		err = e.http.Serve(e.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve on %s: %w", e.name, err)
}

// drain ends the listeners and waits for the requests in flight, of all at once.
func (s *server) drain(ctx context.Context) error {
	ended := make(chan error, len(s.entrances))
	for _, e := range s.entrances {
		go func() {
			if e.http == nil { // the server was made only in part
				ended <- nil
				return
			}
			err := e.http.Shutdown(ctx)
			_ = e.http.Close() // what did not drain in time
			ended <- err
		}()
	}
	var errs []error
	for range s.entrances {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

func closeAll(all []*entrance) {
	for _, e := range all {
		_ = e.listener.Close() // a second close after its server's is no news
	}
}

// apiLimits are the limits as the API takes them.
func apiLimits(l config.Limits) httpapi.Limits {
	return httpapi.Limits{
		StartsPerMinute: l.StartsPerMinute, GenerationsPerMinute: l.GenerationsPerMinute,
		BodyTimeout: l.BodyTimeout, StallTimeout: l.StallTimeout, HeaderTimeout: l.HeaderTimeout, IdleTimeout: l.IdleTimeout,
		MaxHeaderBytes: int(l.MaxHeaderBytes),
	}
}
