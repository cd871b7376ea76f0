// Package viewer hands one file to a trace viewer in the browser: a server on loopback that serves this file to this
// page, once.
//
// ui.perfetto.dev's content security policy lets its page fetch from http://127.0.0.1:9001 and from no other local port,
// and the page must be allowed by CORS. Nothing else is: another origin, another host name (a rebound DNS name) or
// another path is refused.
package viewer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

// Origin is the page that may read the file.
const Origin = "https://ui.perfetto.dev"

// Addr is the one address that the page may fetch from.
const Addr = "127.0.0.1:9001"

// ErrNotFetched says that nobody came for the file in time.
var ErrNotFetched = errors.New("nobody fetched the trace in time")

// Server serves one file.
type Server struct {
	name     string // in URLs
	file     string // on disk
	listener net.Listener
	fetched  chan struct{}
	once     sync.Once
}

// Listen opens the port. name is what the file is called in URLs, a single path element; file is where it is.
func Listen(addr, name, file string) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s, the only place that %s may fetch from (is another `strobe profile open` waiting?): %w",
			addr, Origin, err)
	}
	return &Server{name: name, file: file, listener: l, fetched: make(chan struct{})}, nil
}

// FileURL is where the file is served.
func (s *Server) FileURL() string {
	return "http://" + s.listener.Addr().String() + "/" + url.PathEscape(s.name)
}

// PageURL opens the viewer with the file.
func (s *Server) PageURL() string { return Origin + "/#!/?url=" + s.FileURL() }

// Close gives the port back. Serve closes it too.
func (s *Server) Close() error { return s.listener.Close() }

// Serve serves until the file was fetched whole once, ctx ends or the timeout is over, which is [ErrNotFetched].
func (s *Server) Serve(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, ErrNotFetched)
	defer cancel()
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(s.listener) }()
	var err error
	select {
	case <-s.fetched:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case err = <-served:
		return fmt.Errorf("serve the trace: %w", err)
	}
	// The last bytes of the reply may still be on their way to the socket: let the handlers end.
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if shut := srv.Shutdown(end); shut != nil {
		_ = srv.Close() // the connection that would not end is cut
	}
	<-served
	return err
}

// ServeHTTP answers the page and nobody else.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", Origin)
	h.Set("Vary", "Origin")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	switch origin := r.Header.Get("Origin"); {
	case r.Host != s.listener.Addr().String():
		http.Error(w, "this host name is not served here", http.StatusForbidden)
	case origin != "" && origin != Origin:
		http.Error(w, "only "+Origin+" may read this file", http.StatusForbidden)
	case r.URL.Path != "/"+s.name:
		http.NotFound(w, r)
	case r.Method == http.MethodOptions: // Chrome asks before a public page may reach a loopback address
		h.Set("Access-Control-Allow-Methods", "GET, HEAD")
		h.Set("Access-Control-Allow-Private-Network", "true")
		h.Set("Access-Control-Allow-Local-Network", "true")
		w.WriteHeader(http.StatusNoContent)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
	default:
		s.send(w, r)
	}
}

// send sends the file as it is: the viewer unpacks it. Ranges are not offered, so that "fetched" means whole.
func (s *Server) send(w http.ResponseWriter, r *http.Request) {
	f, err := os.Open(s.file)
	if err != nil {
		http.Error(w, "the trace is gone", http.StatusGone)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		http.Error(w, "the trace cannot be read", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/gzip")
	h.Set("Content-Length", fmt.Sprint(info.Size()))
	h.Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	if n, err := io.Copy(w, f); err == nil && n == info.Size() {
		s.once.Do(func() { close(s.fetched) })
	}
}
